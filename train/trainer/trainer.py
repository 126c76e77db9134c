"""Training itself: what is trained, and `fit`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_resnet import families
from keras_resnet.convert import OpenedWeights
from keras_resnet.families import NetworkConfig
from keras_resnet.utils.errors import InputError
from train.backend import backend
from train.data.crops import epoch_shape
from train.data.dataset import Data, Split
from train.data.statistics import Normalization, statistics
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import start
from train.trainer.callbacks import EvaluateEMAWeights, ThroughputLogger, Unawaited
from train.trainer.checkpoint import CHECKPOINT_SECONDS, Progress
from train.trainer.checkpoint_callback import CheckpointCallback
from train.trainer.model import inference_model, training_model
from train.trainer.stop_signals import stop_requests
from train.trainer.whitening import whiten


class Training(NamedTuple):
    """A training that is ready to begin: everything is checked and built."""

    name: str  # of the network, for display
    network: NetworkConfig
    recipe: Recipe
    execution: Execution
    data: Data
    model: keras.Model
    images: Split  # to learn from
    held_out: Split  # to validate on
    normalization: Normalization
    steps: int  # in an epoch
    start: OpenedWeights | None = None  # what it begins from; `None` for random weights

    def description(self) -> dict[str, Any]:
        """What identifies a run: its record begins with this."""
        data = self.data
        began = {"weights": start.record(self.start, data)} if self.start else {}
        return {
            "model": self.name,
            "network": families.to_json(self.network),
            "recipe": asdict(self.recipe),
            "execution": asdict(self.execution),
            "data": data.record(),
            "normalization": self.normalization._asdict(),
            **began,
        }


class Result(NamedTuple):
    """What came out of a training."""

    model: keras.Model  # as users get it
    progress: Progress  # with the history
    delivered_epoch: int  # whose weights the model has, from 1

    @property
    def last_epoch(self) -> dict[str, float | None]:
        """Every measure of the last epoch by Keras's name; `None` if not finite."""
        return self.progress.history[-1]

    def outcome(self) -> dict[str, Any]:
        """What the record of a run says of it."""
        return {
            "last_epoch": self.last_epoch,
            "delivered_epoch": self.delivered_epoch,
            "seconds": self.progress.seconds,
            "images_per_second": self.images_per_second,
        }

    @property
    def images_per_second(self) -> float | None:
        """In steady state: the median epoch; `None` if each had one step only."""
        rates = [row.get("images_per_second") for row in self.progress.history]
        return median([rate for rate in rates if rate] or [0]) or None


def prepare(
    network: NetworkConfig,
    recipe: Recipe,
    data: Data,
    execution: Execution,
    name: str = "network",
    weights: OpenedWeights | None = None,
) -> Training:
    """Checks that a network can be trained on some data, and builds it.

    Args:
        network: The network; input shape and classes are taken from the data.
        recipe: How to train it; without flips if mirroring would change an image's class.
        data: Of which only the training images are looked at.
        execution: Devices, precision, XLA, steps per execution.
        name: Of the network, for display and for the record.
        weights: To begin from, with their own preparation of images in place of the data's, and
            their head if the classes are the same; `None` for random ones.

    Raises:
        InputError: if weights are of another network, Keras is not set up for training here,
            images are too small, a batch is too large or cannot be divided among the devices, or
            these do not support the settings.
    """
    engine = backend()
    engine.check_keras()
    network = adapt_to_data(network, data)
    if weights:
        start.check(weights, network)
        if recipe.whitened_stem:
            raise InputError("whitened_stem is for networks that begin without weights: leave it.")
    recipe = adapt_recipe(recipe, data)
    images, held_out = data.hold_out(recipe.validation_fraction)
    execution = engine.resolve(execution)
    steps, replicas = len(images) // recipe.batch_size, engine.replicas()
    if not steps:
        raise InputError(
            f"batch_size {recipe.batch_size} is more than the {len(images)} training "
            f"images of {data.name}: lower --batch_size."
        )
    if recipe.resizes and not network.any_size:
        raise InputError(
            f"first_size {recipe.first_size:g} and last_size {recipe.last_size:g} are for networks "
            "that end in global pooling, and this one flattens images of one size: leave them at 1."
        )
    smallest = epoch_shape(recipe, data.shape, 0)[:2]
    network.check_size(*smallest)
    if recipe.cutout >= min(smallest):
        raise InputError(
            f"cutout {recipe.cutout} can hide all of an image of {smallest[0]}x{smallest[1]} "
            f"pixels: give less than {min(smallest)}."
        )
    if recipe.batch_size % replicas:
        raise InputError(
            f"batch_size {recipe.batch_size} cannot be divided evenly among {replicas} devices: "
            f"make it a multiple of {replicas}."
        )
    if recipe.chooses_epochs and not len(held_out):
        best = recipe.deliver == "best"
        what = "deliver 'best' takes" if best else f"patience {recipe.patience} waits for"
        raise InputError(
            f"{what} the epoch with the best held-out accuracy, and validation_fraction "
            f"{recipe.validation_fraction:g} holds out no image: raise it, deliver the last, or "
            "make patience 0."
        )
    engine.check_execution(execution, steps)
    keras.utils.set_random_seed(recipe.seed)
    scale = _normalization(images, recipe, weights)
    model = training_model(network, recipe, scale, execution, steps)
    if weights:
        start.load(weights, model, network, recipe, scale, data)
    elif recipe.whitened_stem:
        whiten(model, images, scale)
    return Training(
        name, network, recipe, execution, data, model, images, held_out, scale, steps, weights
    )


def _normalization(images: Split, recipe: Recipe, weights: OpenedWeights | None) -> Normalization:
    """What is done to images: what the weights expect, or else by the statistics of the images."""
    expected = weights and start.normalization(weights, images.shape[2])
    if expected:
        return expected
    mean, std = statistics(images)
    return Normalization(mean if recipe.subtract_mean else [0.0] * len(mean), std)


def adapt_to_data(network: NetworkConfig, data: Data) -> NetworkConfig:
    """A network with the input shape and the classes of some data.

    Raises:
        InputError: if the images are too small for it.
    """
    network = replace(network, input_shape=data.shape, classes=len(data.classes))
    network.check_size(*data.shape[:2])
    return network


def adapt_recipe(recipe: Recipe, data: Data) -> Recipe:
    """A recipe without flips if mirroring would change an image's class."""
    return recipe if data.mirror else replace(recipe, flip="none")


def is_over(progress: Progress, recipe: Recipe) -> bool:
    """Whether no epoch is left, or too many have gone by without a better held-out accuracy."""
    waited = progress.epoch - progress.best_epoch if progress.epoch else 0
    return progress.epoch >= recipe.epochs or 0 < recipe.patience <= waited


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
        targets: Soft targets in place of the labels, `(pool, n, classes)` float: epoch e has
            `targets[e % pool]`, and mixup does not mix them again.

    Raises:
        InputError: if the loss becomes infinite or NaN, if memory does not suffice, or if the
            checkpoint is of another training.
        Stopped: after SIGINT, SIGTERM or SIGHUP, when all is saved.
    """
    engine, network, recipe, model = backend(), training.network, training.recipe, training.model
    block = engine.block_steps(training.images, recipe, training.execution)
    held_out = None
    if len(training.held_out):
        held_out = engine.validation_batches(training.held_out, network.classes, recipe.batch_size)
        held_out = engine.distribute(held_out)
    with engine.explain_errors(), stop_requests() as requests:
        checkpoints = CheckpointCallback(
            folder,
            training.steps,
            block,
            checkpoint_seconds,
            requests,
            recipe.deliver == "best",
            lambda progress: is_over(progress, recipe),
        )
        progress = checkpoints.progress
        if checkpoints.pending and verbose:
            print(f"going on after {progress}.", flush=True)
        # The last to see a validation begin and end: others see the averages, too.
        averages = [EvaluateEMAWeights()] if recipe.ema_decay else []
        while True:
            # Keras begins at whole epochs: what is left of one is a `fit` of its own, which
            # `checkpoints` stops. One of no epochs still builds the variables of a checkpoint.
            epoch, step = min(progress.epoch, recipe.epochs - 1), progress.step
            images = engine.training_batches(
                training.images, network.classes, recipe, epoch, step, targets, block
            )
            until = progress.epoch if is_over(progress, recipe) else recipe.epochs
            steps = training.steps - step
            calls = -(-steps // block)
            throughput = ThroughputLogger(recipe.batch_size, steps, block)
            watching = Unawaited(
                [throughput, *callbacks, checkpoints, *averages],
                add_history=True,
                add_progbar=verbose,
                verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
                epochs=recipe.epochs,
                steps=calls,
                model=model,
            )
            with engine.scope():
                model.fit(
                    engine.distribute(images),
                    initial_epoch=progress.epoch,
                    epochs=until,
                    steps_per_epoch=calls,
                    shuffle=False,  # the pipeline has its own order
                    validation_data=held_out,
                    callbacks=watching,
                    verbose=0,
                )
            if is_over(progress, recipe):
                break
    model.optimizer.finalize_variable_values(model.trainable_variables)  # averages, if any
    delivered = progress.epoch
    if recipe.deliver == "best":
        model.set_weights([checkpoints.best[name] for name in sorted(checkpoints.best)])
        delivered = progress.best_epoch
    delivery = inference_model(network, recipe, training.normalization, model)
    return Result(delivery, progress, delivered)
