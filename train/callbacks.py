"""What watches a training: speed, averaged weights, checkpoints, NaN, and requests to stop."""

import csv
from itertools import pairwise
from math import isfinite
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter

import keras
import numpy as np

from keras_resnet.errors import InputError
from keras_resnet.files import replacing
from train import checkpoint
from train.checkpoint import Arrays, Progress
from train.run import CHECKPOINTS, HISTORY
from train.signals import Stopped
from train.state import capture, restore


class Speedometer(keras.callbacks.Callback):
    """Adds to an epoch's measures its images per second, without its first step, and the rate."""

    def __init__(self, batch_size: int):
        super().__init__()
        self.batch_size = batch_size

    def on_epoch_begin(self, epoch, logs=None):
        """No step yet."""
        self.times: list[tuple[int, float]] = []

    def on_train_batch_end(self, batch, logs=None):
        """Starts the clock after the first step, which may compile."""
        self.times[1:] = [(batch, perf_counter())]

    def on_epoch_end(self, epoch, logs=None):
        """Measures."""
        (first, begin), (last, end) = self.times[0], self.times[-1]
        if last > first:
            logs["images_per_second"] = (last - first) * self.batch_size / (end - begin)
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class Rehearsal(keras.callbacks.Callback):
    """Times steps until they are enough, and stops.

    Args:
        fewest: Calls to time at least, after those that warm up.
        enough: Seconds after which those will do.
    """

    WARM_UP = 3  # the first one compiles, the next ones fill queues

    def __init__(self, fewest: int, enough: float):
        super().__init__()
        self.fewest, self.enough = fewest, enough
        self.ends: list[tuple[int, float]] = []  # steps done, and when

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
        """Of a step: the median, as other work on the machine slows some of them."""
        timed = self.ends[self.WARM_UP - 1 :] if len(self.ends) > self.WARM_UP else self.ends
        pairs = list(pairwise(timed)) or [((0, timed[0][1]), timed[0])]
        return median((end - begin) / (last - first) for (first, begin), (last, end) in pairs)


class Averaged(keras.callbacks.Callback):
    """Validates the averaged weights: what is delivered in the end.

    Keras's SwapEMAWeights adds and subtracts, which does not give back the same bits.
    """

    def on_test_begin(self, logs=None):
        """Puts the averages in the place of the weights."""
        self.weights = [variable.numpy() for variable in self.model.trainable_variables]
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)

    def on_test_end(self, logs=None):
        """Puts the weights back."""
        for variable, value in zip(self.model.trainable_variables, self.weights, strict=True):
            variable.assign(value)


class Keeper(keras.callbacks.Callback):
    """Saves a training at the end of each epoch, and within epochs after some time.

    Args:
        folder: Of the run.
        steps: In an epoch.
        seconds: After how many to save again.
        requests: Signals that asked to stop, see `signals.requests`.

    Attributes:
        progress: How far the training has come.
        pending: The checkpoint from which it is to go on; `None` if it need not be put back.
    """

    def __init__(self, folder: Path, steps: int, seconds: float, requests: list[str]):
        super().__init__()
        self.folder, self.steps, self.seconds, self.requests = folder, steps, seconds, requests
        there = checkpoint.newest(folder / CHECKPOINTS)
        self.progress: Progress = there[0] if there else Progress()
        self.pending: Arrays | None = there[1] if there else None
        self.saved = self.counted = monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        """Puts the checkpoint back. Only now: Keras has just reset the metrics."""
        self.offset = self.progress.step
        self._restore()

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss, the clock and the signals."""
        step = self.offset + batch + 1
        if not isfinite(logs["loss"]):
            raise self._failure(logs["loss"], step)
        late = monotonic() - self.saved >= self.seconds
        if step < self.steps and (late or self.requests):  # else the end of the epoch saves
            self._save(self.progress.epoch, step)

    def on_epoch_end(self, epoch, logs=None):
        """Adds a row to the history, and saves."""
        row = {"epoch": epoch + 1, **logs}
        optimizer = self.model.optimizer
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            row["loss_scale"] = optimizer.dynamic_scale.numpy().item()
            done = optimizer.inner_optimizer.iterations.numpy().item()
            row["skipped_steps"] = (epoch + 1) * self.steps - done
        self.progress.history.append(
            {name: value if isfinite(value) else None for name, value in row.items()}
        )
        write_history(self.folder / HISTORY, self.progress.history)
        self.model.reset_metrics()  # the next epoch begins without those of validation
        arrays = self._save(epoch + 1, 0)
        if self.offset:  # a `fit` of its own, at whose end Keras puts averages for weights
            self.pending = arrays

    def on_train_end(self, logs=None):
        """Puts back what Keras has just replaced by averages, or what no epoch was left for."""
        self._restore()

    def _restore(self) -> None:
        if self.pending is not None:
            restore(self.model, self.pending)
            self.pending = None

    def _save(self, epoch: int, step: int) -> Arrays:
        arrays, now = capture(self.model), monotonic()
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise self._failure(float("nan"), step or self.steps)
        self.progress.epoch, self.progress.step = epoch, step
        self.progress.seconds += now - self.counted
        self.counted = now
        steps = epoch * self.steps + step
        checkpoint.write(self.folder / CHECKPOINTS, steps, self.progress, arrays)
        self.saved = monotonic()
        if self.requests:
            raise Stopped(f"{self.requests[0]}: stopped and saved after {self.progress}.")
        return arrays

    def _failure(self, loss: float, step: int) -> InputError:
        return InputError(
            f"the loss became {loss} at step {step} of epoch {self.progress.epoch + 1}: lower "
            f"--learning_rate. The last checkpoint before that is in {self.folder / CHECKPOINTS}."
        )


def write_history(path: Path, rows: list[dict]) -> None:
    """Writes a table with a row for each epoch, as CSV."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(rows)
