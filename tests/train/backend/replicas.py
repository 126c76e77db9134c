"""One training on some devices, for `test_replicas.py`; two of them need a process of their own."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from keras_resnet import InputError, Spec
from train.backend.tensorflow import devices
from train.data.dataset import Data, Split
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import fitting, trainer

LABELS = np.arange(211, dtype="int32") % 3
IMAGES = np.random.default_rng(0).integers(0, 200, (211, 8, 8, 3))
IMAGES[np.arange(211), :, :, LABELS] += 50
SPLIT = Split(IMAGES.astype("uint8"), LABELS)
DATA = Data("colours", ("red", "green", "blue"), SPLIT, SPLIT)
RECIPE = Recipe(
    epochs=2, batch_size=20, learning_rate=0.02, crop_padding=1, weight_decay=1e-3, ema_decay=0.9,
    optimizer="muon",
)  # fmt: skip
SPEC = Spec(blocks=(1,), widths=(8,))


def after_step(do):
    """A callback that is told the loss of every step."""

    def tell(batch, logs):
        do(float(logs["loss"]))

    return [keras.callbacks.LambdaCallback(on_train_batch_end=tell)]


def train(execution: Execution, folder: Path) -> dict:
    """Trains; checks that validation is right; writes the weights, returns the losses."""
    keras.utils.set_random_seed(0)
    training = trainer.prepare(SPEC, RECIPE, DATA, execution)
    assert len(training.held_out.labels) == 21  # a batch and one image
    losses = []
    whole = fitting.fit(training, folder / "whole", callbacks=after_step(losses.append))
    # What Keras said of the validation images, and what the saved model says of them.
    probabilities = whole.model.predict_on_batch(training.held_out.read())
    right = probabilities[np.arange(21), training.held_out.labels]
    decay = float(sum(training.model.losses))
    said = whole.last_epoch["val_accuracy"], whole.last_epoch["val_loss"]
    accuracy = np.mean(probabilities.argmax(-1) == training.held_out.labels)
    np.testing.assert_allclose(said, (accuracy, decay - np.mean(np.log(right))), rtol=1e-4)
    np.savez(folder / "weights", *whole.model.get_weights())
    return {"replicas": devices.replicas(), "losses": losses}


def goes_on(execution: Execution, folder: Path) -> None:
    """Stopped in the second epoch and gone on with: the same bits."""
    keras.utils.set_random_seed(0)
    whole = fitting.fit(trainer.prepare(SPEC, RECIPE, DATA, execution), folder / "whole")
    keras.utils.set_random_seed(0)
    training = trainer.prepare(SPEC, RECIPE, DATA, execution)

    def stop(loss):
        if training.model.optimizer.iterations.numpy() == 14:
            raise KeyboardInterrupt

    try:
        fitting.fit(training, folder / "halves", 0, after_step(stop))
    except KeyboardInterrupt:
        training = trainer.prepare(SPEC, RECIPE, DATA, execution)
    halves = fitting.fit(training, folder / "halves")
    for one, other in zip(whole.model.get_weights(), halves.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(whole.progress.history, halves.progress.history, strict=True):
        assert one | {"images_per_second": 0} == other | {"images_per_second": 0}


def refusals(execution: Execution) -> list[str]:
    """What is said of settings that several devices cannot have."""
    said = []
    for changed, executed in (
        (replace(RECIPE, batch_size=21), execution),
        (RECIPE, replace(execution, jit_compile=True)),
        (RECIPE, replace(execution, steps_per_execution=3)),
    ):
        try:
            trainer.prepare(SPEC, changed, DATA, executed)
        except InputError as error:
            said.append(str(error))
    return said


def works() -> list[str]:
    """Which of them Keras can do: when one works on two devices, its refusal may go."""
    done = []
    for setting in ({"jit_compile": True}, {"steps_per_execution": 2}):
        with devices.strategy().scope():
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
            model.compile("sgd", "mse", **{"jit_compile": False, **setting})
        try:
            model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=2, verbose=0)
            done += setting
        except Exception as error:
            print(type(error))
    return done


if __name__ == "__main__":
    there = Path(sys.argv[1])
    two = Execution("cpu:2", "float32")
    if sys.argv[2:] == ["goes_on"]:
        goes_on(two, there)
    else:
        result = train(two, there) | {"refused": refusals(two), "works": works()}
        (there / "result.json").write_text(json.dumps(result))
