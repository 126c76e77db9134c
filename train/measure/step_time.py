"""How long a step of a training takes."""

from itertools import pairwise
from statistics import median
from time import perf_counter

import keras

from train.backend import backend
from train.trainer.trainer import Training


def time_steps(training: Training, fewest: int, enough: float) -> tuple[int, float]:
    """Trains for a few steps, which changes the weights: the training cannot be used afterwards.

    Args:
        training: Any.
        fewest: Steps to time at least, if an epoch has as many.
        enough: Seconds after which those will do.

    Returns:
        How many steps were done, and the median of the seconds that one took.
    """
    engine, timer = backend(), StepTimer(fewest, enough)
    images = engine.training_batches(training.images, training.network.classes, training.recipe)
    with engine.explain_errors(), engine.scope():
        training.model.fit(
            engine.distribute(images),
            steps_per_epoch=training.steps,
            shuffle=False,
            callbacks=[timer],
            verbose=0,
        )
    return timer.steps, timer.seconds


class StepTimer(keras.callbacks.Callback):
    """Times steps until they are enough, and stops.

    Args:
        fewest: Calls to time at least, after those that warm up.
        enough: Seconds after which those will do.
    """

    WARM_UP = 3  # the first one compiles, the next ones fill queues

    def __init__(self, fewest: int, enough: float):
        super().__init__()
        self.fewest, self.enough = fewest, enough
        self.began = 0.0
        self.ends: list[tuple[int, float]] = []  # steps done, and when

    def on_train_begin(self, logs=None):
        """Takes the time."""
        self.began = perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Takes the time."""
        self.ends.append((batch + 1, perf_counter()))
        timed = self.ends[self.WARM_UP - 1 :]
        if len(timed) > self.fewest and timed[-1][1] - timed[0][1] > self.enough:
            self.model.stop_training = True

    @property
    def steps(self) -> int:
        """How many were done."""
        return self.ends[-1][0]

    @property
    def seconds(self) -> float:
        """Of a step: the median, as other work slows some of them; of a single one, at most."""
        timed = self.ends[self.WARM_UP - 1 :] if len(self.ends) > self.WARM_UP else self.ends
        pairs = list(pairwise(timed)) or [((0, self.began), timed[0])]  # with the compilation
        return median((end - begin) / (last - first) for (first, begin), (last, end) in pairs)
