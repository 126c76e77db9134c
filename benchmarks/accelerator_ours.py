"""Our part in `benchmarks/accelerator.py`: what `train.cifar` does, as a process, in JSON."""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np

from keras_resnet import SPECS, deep_recursion, families
from train.data.dataset import Data, Split
from train.settings.execution import Execution
from train.settings.recipes import PAPER, RECIPES
from train.trainer import fitting, trainer

IMAGES = {32: 50_000, 224: 5_120}  # by their side: an epoch takes a second or so


class Turns(keras.callbacks.Callback):
    """Waits for a line before each epoch, and answers with its speed."""

    def __init__(self, macs: int):
        super().__init__()
        self.reply = {"device": jax.devices()[0].device_kind, "macs": macs}

    def on_epoch_begin(self, epoch, logs=None):
        """It is our turn."""
        if not sys.stdin.readline():
            sys.exit()

    def on_epoch_end(self, epoch, logs=None):
        """Done: validation and checkpoints do not count."""
        print(json.dumps(self.reply | {"images_per_s": logs["images_per_second"]}), flush=True)


def speed(job: dict[str, Any]) -> None:
    """Trains a network on random images for as long as lines come in."""
    side, batch = job["side"], job["batch"]
    count = job.get("images") or IMAGES[side]
    random = np.random.default_rng(0)
    classes = 10 if side < 224 else 1000
    split = Split(
        random.integers(0, 256, (count, side, side, 3), "uint8"),
        random.integers(0, classes, count, "int32"),
    )
    data = Data("random", tuple(map(str, range(classes))), split, split)
    recipe = replace(PAPER, batch_size=batch, epochs=1000, nesterov=True, validation_fraction=0.0)
    execution = Execution(steps_per_execution=job["steps_per_execution"])
    training = trainer.prepare(SPECS[job["network"]], recipe, data, execution)
    with tempfile.TemporaryDirectory() as folder:
        turns = Turns(families.macs(training.network))
        fitting.fit(training, Path(folder), 1e9, [turns], verbose=False)


def train(job: dict[str, Any]) -> None:
    """Trains on CIFAR-10; `steady_seconds` are those without compiling, checkpoints and so on."""
    sys.path.insert(0, str(Path(__file__).parent))
    from carry import read_cifar

    sys.stdin.readline()
    names, (images, labels), test = read_cifar(Path(job["carry"]))
    data = Data("cifar10", names, Split(images, labels), Split(*test))
    changes = {"validation_fraction": 0.0} | job["changes"]
    recipe = replace(RECIPES[changes.pop("recipe")], **changes)
    spec = replace(SPECS[job["network"]], width_multiplier=job["width"])
    training = trainer.prepare(spec, recipe, data, Execution())
    result = fitting.fit(training, Path(job["folder"]), verbose=False)
    said = result.model.predict(test[0], batch_size=500, verbose=0).argmax(-1)
    shown = training.steps * recipe.batch_size * recipe.epochs
    rate = result.images_per_second
    print(json.dumps({
        "device": jax.devices()[0].device_kind,
        "accuracy": float(np.mean(said == test[1])),
        "images_per_s": rate,
        "training_seconds": result.progress.seconds,
        "steady_seconds": shown / rate if rate else None,
    }), flush=True)  # fmt: skip


if __name__ == "__main__":
    with deep_recursion():
        {"speed": speed, "train": train}[sys.argv[1]](json.loads(sys.argv[2]))
