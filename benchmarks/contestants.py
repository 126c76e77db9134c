"""One training of ResNet-20 on images of CIFAR's shape, as a process: prints its images a second.

python -m benchmarks.contestants ours|stock [steps [precision of ours]]
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_resnet import SPECS, ResNet20
from train.data.dataset import Data, Split
from train.settings.execution import Execution
from train.settings.recipes import PAPER
from train.trainer import fitting, trainer
from train.trainer.callbacks import ThroughputLogger

BATCH = 128


def images(count: int, shape: tuple[int, ...] = (32, 32, 3)) -> Split:
    """Random ones: what they show does not matter here."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, *shape), "uint8")
    return Split(pixels, random.integers(0, 10, count, "int32"))


def ours(steps: int, precision: str = "auto") -> float | None:
    """`train.cifar` as it is, but for the images."""
    data = Data("random", tuple("0123456789"), images(steps * BATCH), images(1))
    recipe = replace(PAPER, epochs=1, nesterov=True, validation_fraction=0.0)
    with tempfile.TemporaryDirectory() as folder:
        training = trainer.prepare(SPECS["ResNet20"], recipe, data, Execution(precision=precision))
        return fitting.fit(training, Path(folder)).images_per_second


def stock(steps: int) -> float:
    """What a Keras user writes: stock layers and defaults, float32, augmentation by `tf.image`."""
    split = images(steps * BATCH)
    x, y = split.read(), split.labels

    def augment(image, label):
        image = tf.image.random_flip_left_right(tf.pad(image, [[4, 4], [4, 4], [0, 0]]))
        image = tf.image.random_crop(image, (32, 32, 3))
        return (tf.cast(image, tf.float32) - 122.0) / 64.0, label

    batches = tf.data.Dataset.from_tensor_slices((x, y)).cache().shuffle(len(x))
    batches = batches.map(augment, tf.data.AUTOTUNE).batch(BATCH).prefetch(tf.data.AUTOTUNE)
    model = ResNet20(weights=None, input_shape=(32, 32, 3), classes=10)
    for variable in model.trainable_variables:
        if variable.name == "kernel":
            variable.regularizer = keras.regularizers.L2(5e-5)
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        batches, epochs=1, callbacks=[ThroughputLogger(BATCH, steps)], verbose=0
    ).history
    return history["images_per_second"][0]


CONTESTANTS: dict[str, Callable[..., float | None]] = {"ours": ours, "stock": stock}


if __name__ == "__main__":
    name, steps = sys.argv[1], int((*sys.argv, "100")[2])
    print(f"{name}: {CONTESTANTS[name](steps, *sys.argv[3:]):.0f} img/s")
