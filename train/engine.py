"""Training itself: the model in training and in delivery, and `fit`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_resnet import ResNet, Spec
from keras_resnet.errors import InputError
from train.callbacks import Averaged, Keeper, Rehearsal, Speedometer
from train.checkpoint import Progress
from train.data import Data, Split, hold_out, statistics
from train.devices import Execution, check_keras, distribute, enough_memory, policy, strategy
from train.fused import fuse
from train.optimizers import OPTIMIZERS
from train.pipeline import one_hot, plain_batches, training_batches
from train.recipe import Recipe
from train.schedules import SCHEDULES
from train.signals import requests

ACCURACY = "val_accuracy"  # of the images held out, by Keras's name
CHECKPOINT_SECONDS = 60.0

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


def trainable(
    spec: Spec, recipe: Recipe, scale: Scale, execution: Execution, steps: int
) -> keras.Model:
    """The network compiled for training: logits, decay of kernels, the recipe's schedule."""
    with strategy().scope(), policy(execution.precision):
        model = fuse(network(spec, scale, None), strategy().num_replicas_in_sync)
        rate = SCHEDULES[recipe.schedule](recipe, recipe.epochs * steps)
        model.compile(
            OPTIMIZERS[recipe.optimizer](recipe, rate, model.trainable_variables),
            keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=recipe.label_smoothing
            ),
            weighted_metrics=["accuracy"],  # images that only fill up a batch weigh nothing
            jit_compile=execution.jit_compile,
            steps_per_execution=execution.steps_per_execution,
        )
    return model


def deliverable(spec: Spec, recipe: Recipe, scale: Scale, model: keras.Model) -> keras.Model:
    """The trained network as users get it: stock layers, float32, probabilities.

    A student's logits are multiplied by the temperature that its teachers' were divided by.
    """
    with policy("float32"):
        final = network(spec, scale, "softmax")
    final.set_weights(model.get_weights())
    if recipe.teacher:
        head = final.layers[-1]
        head.set_weights([recipe.temperature * weight for weight in head.get_weights()])
    return final


class Training(NamedTuple):
    """A training that can begin: everything is checked and built."""

    spec: Spec
    recipe: Recipe
    execution: Execution
    model: keras.Model
    images: Split  # to learn from
    held_out: Split  # to validate on
    scale: Scale  # of images on their way in
    steps: int  # in an epoch

    def description(self, model: str, data: Data) -> dict[str, Any]:
        """What identifies a run: the record of it begins with this.

        Args:
            model: Name of the network, for people.
            data: What it is trained on.
        """
        return {
            "model": model,
            "spec": asdict(self.spec),
            "recipe": asdict(self.recipe),
            "execution": asdict(self.execution),
            "dataset": {"name": data.name, "sha256": data.fingerprint()},
            "normalization": dict(zip(("mean", "deviation"), self.scale, strict=True)),
        }


class Result(NamedTuple):
    """What came out of a training."""

    model: keras.Model  # as users get it
    progress: Progress  # with the history

    @property
    def last_epoch(self) -> dict[str, float | None]:
        """Every measure of the last epoch by Keras's name; `None` if not finite."""
        return self.progress.history[-1]

    @property
    def images_per_second(self) -> float | None:
        """In steady state: the median epoch; `None` if each had one step only."""
        rates = [row.get("images_per_second") for row in self.progress.history]
        return median([rate for rate in rates if rate] or [0]) or None


def prepare(spec: Spec, recipe: Recipe, data: Data, execution: Execution) -> Training:
    """Checks that a network can be trained on some data, and builds it.

    Args:
        spec: The network; input shape and classes are taken from the data.
        recipe: How to train it; without flips if mirroring would change an image's class.
        data: Of which only the training images are looked at.
        execution: How the machine is to compute it.

    Raises:
        InputError: if Keras is not set up for training here, images are too small, a batch is too
            large or cannot be divided among the devices, or the devices cannot compute so.
    """
    check_keras()
    spec = replace(spec, input_shape=data.shape, classes=len(data.classes))
    spec.check_size(*data.shape[:2])
    recipe = recipe if data.mirror else replace(recipe, flip="none")
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
    execution = execution.resolved()
    execution.check_devices(replicas, steps)
    keras.utils.set_random_seed(recipe.seed)
    mean, deviation = statistics(images.images)
    scale = mean if recipe.center else [0.0] * len(mean), deviation
    model = trainable(spec, recipe, scale, execution, steps)
    return Training(spec, recipe, execution, model, images, held_out, scale, steps)


def rehearse(training: Training, fewest: int, enough: float) -> tuple[int, float]:
    """Trains for a few steps; the training is then spoilt.

    Args:
        training: Any.
        fewest: Steps to time at least, if an epoch has as many.
        enough: Seconds after which those will do.

    Returns:
        How many steps were done, and the median of the seconds that one took.
    """
    targets = one_hot(training.images.labels, training.spec.classes)
    images = training_batches(training.images.images, targets, training.recipe)
    rehearsal = Rehearsal(fewest, enough)
    with enough_memory():
        training.model.fit(
            distribute(images),
            steps_per_epoch=training.steps,
            shuffle=False,
            callbacks=[rehearsal],
            verbose=0,
        )
    return rehearsal.steps, rehearsal.seconds


def fit(
    training: Training,
    folder: Path,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: bool = True,
    targets: np.ndarray | None = None,
) -> Result:
    """Trains, from the last checkpoint on if there is one.

    Args:
        training: What to train.
        folder: Of the run: for checkpoints, and the history as CSV.
        checkpoint_seconds: How much work may be lost when the process is killed.
        callbacks: More of Keras's.
        verbose: Whether to show each epoch.
        targets: What to say of the training images instead of their labels, see
            `pipeline.training_batches`.

    Raises:
        InputError: if the loss becomes infinite or NaN, if memory does not suffice, or if the
            checkpoint is of another training.
        Stopped: after SIGINT or SIGTERM, when all is saved.
    """
    spec, recipe, model = training.spec, training.recipe, training.model
    if targets is None:
        targets = one_hot(training.images.labels, spec.classes)
    held_out = None
    if len(training.held_out.labels):
        held_out = plain_batches(*training.held_out, spec.classes, recipe.batch_size)
        held_out = distribute(held_out)
    with enough_memory(), requests() as asked:
        keeper = Keeper(folder, training.steps, checkpoint_seconds, asked)
        progress = keeper.progress
        if keeper.pending and verbose:
            print(f"going on after {progress}.", flush=True)
        more = [Averaged()] if recipe.average else []
        while True:
            # Keras begins at whole epochs: what is left of one is a `fit` of its own. A `fit` of
            # no epochs still builds the variables into which a checkpoint goes.
            epoch, step = min(progress.epoch, recipe.epochs - 1), progress.step
            images = training_batches(training.images.images, targets, recipe, epoch, step)
            model.fit(
                distribute(images),
                initial_epoch=progress.epoch,
                epochs=progress.epoch + 1 if step else recipe.epochs,
                steps_per_epoch=training.steps - step,
                shuffle=False,  # the pipeline has its own order
                validation_data=held_out,
                callbacks=[Speedometer(recipe.batch_size), *more, *callbacks, keeper],
                verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
            )
            if progress.epoch >= recipe.epochs:
                break
    model.optimizer.finalize_variable_values(model.trainable_variables)  # averages, if any
    return Result(deliverable(spec, recipe, training.scale, model), progress)
