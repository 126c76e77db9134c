"""Training itself: the model in training and in delivery, and `fit`."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from statistics import median
from time import perf_counter
from typing import NamedTuple

import keras

from keras_resnet import ResNet, Spec
from keras_resnet.errors import InputError
from train.data import Data, Split, hold_out, statistics
from train.devices import check_keras, distribute, policy, strategy
from train.fused import fuse
from train.pipeline import plain_batches, training_batches
from train.recipe import Recipe
from train.schedules import SCHEDULES

Scale = tuple[list[float], list[float]]  # mean and deviation of each channel, 0 to 255


def network(spec: Spec, scale: Scale, activation: str | None) -> keras.Model:
    """The spec's network with its normalisation inside.

    Args:
        spec: The network.
        scale: What to subtract from each channel of an image, and by what to divide it then.
        activation: Of the classifier; `None` for logits.

    Returns:
        A model of `(batch, height, width, channels)` images, 0 to 255 of any type, to
        `(batch, classes)` float32.
    """
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


def trainable(spec: Spec, recipe: Recipe, scale: Scale, precision: str, steps: int) -> keras.Model:
    """The network compiled for training: logits, L2 on kernels, SGD with the recipe's schedule."""
    with strategy().scope(), policy(precision):
        model = fuse(network(spec, scale, None))
        # The papers' decay is L2. Keras's SGD(weight_decay=) is decoupled, and at momentum 0.9 ten
        # times weaker; its regularizer sums whole squares, hence half of the factor.
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
            jit_compile=False,  # XLA is slow on a CPU, and fails on two replicas
        )
    return model


def deliverable(spec: Spec, scale: Scale, model: keras.Model) -> keras.Model:
    """The trained network as users get it: stock layers, float32, probabilities."""
    with policy("float32"):
        final = network(spec, scale, "softmax")
    final.set_weights(model.get_weights())
    return final


class Speedometer(keras.callbacks.Callback):
    """Images per second in steady state: the median epoch, without its first step."""

    def __init__(self, batch_size: int):
        super().__init__()
        self.batch_size = batch_size
        self.rates: list[float] = []

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
    def images_per_second(self) -> float | None:
        """The median over the epochs so far; `None` if each had one step only."""
        return median(self.rates) if self.rates else None


class Training(NamedTuple):
    """A training that can begin: everything is checked and built."""

    spec: Spec
    recipe: Recipe
    model: keras.Model
    images: Split  # to learn from
    held_out: Split  # to validate on
    scale: Scale  # of the former
    steps: int  # in an epoch


class Result(NamedTuple):
    """What came out of a training."""

    model: keras.Model  # as users get it
    last_epoch: dict[str, float | None]  # every measure by Keras's name; None if not finite
    seconds: float
    images_per_second: float | None  # in steady state


def prepare(spec: Spec, recipe: Recipe, data: Data, precision: str) -> Training:
    """Checks that a network can be trained on some data, and builds it.

    Args:
        spec: The network; input shape and classes are taken from the data.
        recipe: How to train it; without flips if mirroring would change an image's class.
        data: Of which only the training images are looked at.
        precision: A Keras dtype policy.

    Raises:
        InputError: if Keras is not set up for training here, images are too small, or a batch is
            too large or cannot be divided among the devices.
    """
    check_keras()
    spec = replace(spec, input_shape=data.shape, classes=len(data.classes))
    spec.check_size(*data.shape[:2])
    recipe = replace(recipe, flip=recipe.flip and data.mirror)
    images, held_out = hold_out(data.train, recipe.validation_fraction)
    steps, replicas = len(images.labels) // recipe.batch_size, strategy().num_replicas_in_sync
    if not steps:
        raise InputError(
            f"batch_size {recipe.batch_size} is more than the {len(images.labels)} training "
            f"images of {data.name}: lower --batch_size."
        )
    if recipe.batch_size % replicas:
        raise InputError(
            f"batch_size {recipe.batch_size} cannot be divided evenly among {replicas} devices: "
            f"make it a multiple of {replicas}."
        )
    keras.utils.set_random_seed(recipe.seed)
    scale = statistics(images.images)
    model = trainable(spec, recipe, scale, precision, steps)
    return Training(spec, recipe, model, images, held_out, scale, steps)


def validation_batch(training: Training) -> int:
    """The largest batch size that leaves no device without an image, in the last batch either.

    Keras fails on a batch with fewer images than devices, and on a first one not evenly divided.
    """
    count, replicas = len(training.held_out.labels), strategy().num_replicas_in_sync
    largest = min(training.recipe.batch_size, count - count % replicas)
    sizes = range(largest, 0, -replicas)
    return next((b for b in sizes if count % b == 0 or count % b >= replicas), 1)


def fit(training: Training, callbacks: Sequence[keras.callbacks.Callback] = ()) -> Result:
    """Trains, with more of Keras's callbacks if given.

    Raises:
        InputError: if the loss becomes infinite or NaN.
    """
    spec, recipe, (mean, _) = training.spec, training.recipe, training.scale
    images = training_batches(*training.images, spec.classes, mean, recipe)
    held_out = plain_batches(*training.held_out, spec.classes, validation_batch(training))
    speed, begin = Speedometer(recipe.batch_size), perf_counter()
    history = training.model.fit(
        distribute(images),
        epochs=recipe.epochs,
        steps_per_epoch=training.steps,
        shuffle=False,  # the pipeline has its own order
        validation_data=distribute(held_out) if len(training.held_out.labels) else None,
        callbacks=[speed, keras.callbacks.TerminateOnNaN(), *callbacks],
        verbose=1 if sys.stdout.isatty() else 2,
    ).history
    seconds = perf_counter() - begin
    last = {name: values[-1] for name, values in history.items()}
    if not isfinite(last["loss"]):
        raise InputError(
            f"the loss became {last['loss']} in epoch {len(history['loss'])}: "
            "lower --learning_rate."
        )
    measures = {name: value if isfinite(value) else None for name, value in last.items()}
    final = deliverable(spec, training.scale, training.model)
    return Result(final, measures, seconds, speed.images_per_second)
