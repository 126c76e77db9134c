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
from train.devices import distribute, policy, strategy
from train.fused import fuse
from train.pipeline import plain_batches, training_batches
from train.recipe import Recipe
from train.schedules import SCHEDULES


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
    def images_per_second(self) -> float:
        """The median over the epochs so far."""
        return median(self.rates) if self.rates else float("nan")


class Training(NamedTuple):
    """A training that can begin: everything is checked and built."""

    spec: Spec
    recipe: Recipe
    model: keras.Model
    images: Split  # to learn from
    held_out: Split  # to validate on
    scale: tuple[list[float], list[float]]  # mean and deviation of the former, on 0 to 255
    steps: int  # in an epoch


class Result(NamedTuple):
    """What came out of a training."""

    model: keras.Model  # as users get it
    last_epoch: dict[str, float]  # every measure, by Keras's names
    seconds: float
    images_per_second: float  # in steady state


def prepare(spec: Spec, recipe: Recipe, data: Data, precision: str) -> Training:
    """Checks that a network can be trained on some data, and builds it.

    Args:
        spec: The network; input shape and classes are taken from the data.
        recipe: How to train it; without flips if a mirror image of the data is another class.
        data: Of which only the training images are looked at.
        precision: A Keras dtype policy.

    Raises:
        InputError: if images or batches are too small, or batches cannot be divided.
    """
    spec = replace(spec, input_shape=data.shape, classes=len(data.classes))
    spec.check_size()
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
            f"batch_size {recipe.batch_size} cannot be divided among {replicas} devices: "
            "make it a multiple."
        )
    keras.utils.set_random_seed(recipe.seed)
    scale = statistics(images.images)
    model = trainable(spec, recipe, scale, precision, steps)
    return Training(spec, recipe, model, images, held_out, scale, steps)


def fit(training: Training, callbacks: Sequence[keras.callbacks.Callback] = ()) -> Result:
    """Trains, with more of Keras's callbacks if given.

    Raises:
        InputError: if the loss becomes infinite or NaN.
    """
    spec, recipe, model, images, held_out, scale, steps = training
    speed, begin = Speedometer(recipe.batch_size), perf_counter()
    validation = plain_batches(*held_out, spec.classes, recipe.batch_size)
    history = model.fit(
        distribute(training_batches(*images, spec.classes, scale[0], recipe)),
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        shuffle=False,  # the pipeline has its own order
        validation_data=distribute(validation) if len(held_out.labels) else None,
        callbacks=[speed, keras.callbacks.TerminateOnNaN(), *callbacks],
        verbose=1 if sys.stdout.isatty() else 2,
    ).history
    last = {name: values[-1] for name, values in history.items()}
    if not isfinite(last["loss"]):
        raise InputError(
            f"the loss became {last['loss']} in epoch {len(history['loss'])}: "
            "lower --learning_rate."
        )
    seconds = perf_counter() - begin
    return Result(deliverable(spec, scale, model), last, seconds, speed.images_per_second)
