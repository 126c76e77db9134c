"""Training itself: devices, precision, the model in training and in delivery, and `fit`."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import isfinite
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_resnet import ResNet, Spec
from keras_resnet.errors import InputError, lookup
from train.data import Data, hold_out, statistics
from train.fused import fuse
from train.pipeline import plain_batches, training_batches
from train.recipe import Recipe
from train.schedules import SCHEDULES

PRECISIONS = {
    "auto": "the fastest that this hardware does well",
    "float32": "single precision",
    "mixed_bfloat16": "for CPUs with AVX512-BF16 or AMX, GPUs of compute capability 8.0",
    "mixed_float16": "for GPUs of compute capability 7.0; the loss is scaled",
}


@cache
def strategy() -> tf.distribute.Strategy:
    """All GPUs, or the CPU. One object for the process: a second one breaks its collectives."""
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    return tf.distribute.MirroredStrategy(gpus or ["/cpu:0"])


def device_type() -> str:
    """`GPU` or `CPU`: what the strategy trains on."""
    return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"


def choose_precision(name: str) -> str:
    """The Keras policy for a key of `PRECISIONS`.

    Raises:
        InputError: if the name is unknown.
    """
    lookup(PRECISIONS, name, "precision")
    if name != "auto":
        return name
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    capabilities = [detail.get("compute_capability", (0, 0)) for detail in details]
    cpuinfo = Path("/proc/cpuinfo")
    return best_precision(capabilities, cpuinfo.read_text() if cpuinfo.exists() else "")


def best_precision(capabilities: list[tuple[int, int]], cpuinfo: str) -> str:
    """The Keras policy for GPUs of these compute capabilities or, with none, for this CPU."""
    if not capabilities:
        fast = "avx512_bf16" in cpuinfo or "amx_bf16" in cpuinfo
        return "mixed_bfloat16" if fast else "float32"
    least = min(capabilities)
    return "mixed_bfloat16" if least >= (8, 0) else "mixed_float16" if least >= (7, 0) else "float32"


class Fit(NamedTuple):
    """What was seen in a training."""

    scale: tuple[list[float], list[float]]  # mean and deviation of the training images, 0 to 255
    last: dict[str, float]  # every measure of the last epoch, by Keras's names
    seconds: float
    images_per_second: float  # in steady state


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Builds layers under a dtype policy, and puts the former one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def network(spec: Spec, scale: tuple[list[float], list[float]], activation: str | None):
    """The spec's network on raw images: 0 to 255 in, normalised by mean and deviation inside."""
    mean, deviation = scale
    image = keras.Input(spec.input_shape, name="image")
    normal = keras.layers.Normalization(
        mean=mean, variance=[d**2 for d in deviation], dtype="float32", name="normalization"
    )
    return ResNet(
        spec,
        input_tensor=normal(image),
        input_shape=spec.input_shape,
        classifier_activation=activation,
    )


def trainable(spec: Spec, recipe: Recipe, scale, precision: str, steps: int) -> keras.Model:
    """The network compiled for training: logits, L2 on kernels, SGD with the recipe's schedule."""
    with strategy().scope(), policy(precision):
        model = fuse(network(spec, scale, None))
        # Keras's own SGD(weight_decay=) is decoupled and ten times weaker at momentum 0.9; the
        # papers' is L2, of which Keras takes the full sum of squares, so half of the factor.
        for variable in model.trainable_variables:
            if variable.name == "kernel" and recipe.weight_decay:
                variable.regularizer = keras.regularizers.L2(recipe.weight_decay / 2)
        rate = SCHEDULES[recipe.schedule](recipe, recipe.epochs * steps)
        model.compile(
            keras.optimizers.SGD(rate, momentum=recipe.momentum, nesterov=recipe.nesterov),
            keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=recipe.label_smoothing
            ),
            metrics=["accuracy"],
            jit_compile=False,  # XLA is the slowest on a CPU, and fails on two replicas
        )
    return model


def deliverable(spec: Spec, scale, model: keras.Model) -> keras.Model:
    """The trained network as users get it: stock layers, float32, probabilities."""
    with policy("float32"):
        final = network(spec, scale, "softmax")
    final.set_weights(model.get_weights())
    return final


class Speedometer(keras.callbacks.Callback):
    """Images per second in steady state: the median epoch, without its first step."""

    def __init__(self, batch_size: int):
        super().__init__()
        self.batch_size, self.rates = batch_size, []

    def on_train_batch_end(self, batch, logs=None):
        """Starts the clock after the first step, which may compile."""
        self.last, self.steps = perf_counter(), batch
        if batch == 0:
            self.first = self.last

    def on_epoch_end(self, epoch, logs=None):
        """Notes the epoch's rate."""
        if self.steps:
            self.rates.append(self.steps * self.batch_size / (self.last - self.first))

    @property
    def images_per_second(self) -> float:
        """The median over the epochs so far."""
        return median(self.rates) if self.rates else float("nan")


def fit(
    spec: Spec,
    recipe: Recipe,
    data: Data,
    precision: str,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, Fit]:
    """Trains a network and returns it as users get it, with what was seen on the way.

    Args:
        spec: The network; its input shape and classes are the data's.
        recipe: How to train it.
        data: Of which only the training images are looked at.
        precision: A Keras dtype policy.
        callbacks: More of Keras's callbacks.

    Raises:
        InputError: if the data does not fill a batch, or the training diverges.
    """
    training, validation = hold_out(data.train, recipe.validation_fraction)
    steps = len(training.labels) // recipe.batch_size
    replicas = strategy().num_replicas_in_sync
    if not steps:
        raise InputError(
            f"batch_size {recipe.batch_size} is more than the {len(training.labels)} training "
            f"images of {data.name}: lower --batch_size."
        )
    if recipe.batch_size % replicas:
        raise InputError(
            f"batch_size {recipe.batch_size} cannot be split over {replicas} devices: "
            "make it a multiple."
        )
    keras.utils.set_random_seed(recipe.seed)
    scale = statistics(training.images)
    model = trainable(spec, recipe, scale, precision, steps)
    speed = Speedometer(recipe.batch_size)
    begin = perf_counter()
    history = model.fit(
        training_batches(*training, spec.classes, scale[0], recipe),
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        shuffle=False,  # the pipeline has its own order
        validation_data=plain_batches(*validation, spec.classes, recipe.batch_size)
        if len(validation.labels)
        else None,
        callbacks=[speed, keras.callbacks.TerminateOnNaN(), *callbacks],
        verbose=1 if sys.stdout.isatty() else 2,
    ).history
    if not isfinite(history["loss"][-1]):
        raise InputError(
            f"the loss became {history['loss'][-1]} in epoch {len(history['loss'])}: "
            "lower --learning_rate."
        )
    last = {name: values[-1] for name, values in history.items()}
    seen = Fit(scale, last, perf_counter() - begin, speed.images_per_second)
    return deliverable(spec, scale, model), seen
