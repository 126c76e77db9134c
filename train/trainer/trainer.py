"""What is trained: checked and built."""

from dataclasses import asdict, replace
from typing import Any, NamedTuple

import keras

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
from train.trainer.model import training_model
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
    _check(recipe, network, data, len(images), len(held_out))
    steps = len(images) // recipe.batch_size
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


def _check(recipe: Recipe, network: NetworkConfig, data: Data, images: int, held_out: int) -> None:
    """Checks that a recipe can be followed with so many images to learn from and to validate on."""
    if images < recipe.batch_size:
        raise InputError(
            f"batch_size {recipe.batch_size} is more than the {images} training "
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
    replicas = backend().replicas()
    if recipe.batch_size % replicas:
        raise InputError(
            f"batch_size {recipe.batch_size} cannot be divided evenly among {replicas} devices: "
            f"make it a multiple of {replicas}."
        )
    if recipe.chooses_epochs and not held_out:
        best = recipe.deliver == "best"
        what = "deliver 'best' takes" if best else f"patience {recipe.patience} waits for"
        raise InputError(
            f"{what} the epoch with the best held-out accuracy, and validation_fraction "
            f"{recipe.validation_fraction:g} holds out no image: raise it, deliver the last, or "
            "make patience 0."
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
