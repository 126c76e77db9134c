"""The weights that a training begins from, in place of random ones."""

from typing import Any

import keras

from keras_resnet.convert import OpenedWeights
from keras_resnet.families import NetworkConfig
from keras_resnet.utils.errors import InputError
from keras_resnet.weights.readers import HEAD
from keras_resnet.weights.signature import check_same
from train.data.dataset import Data
from train.data.statistics import Normalization
from train.settings.recipe import Recipe
from train.trainer.model import network_model


def check(start: OpenedWeights, network: NetworkConfig) -> None:
    """Checks that weights mean the same in the network that is trained.

    Raises:
        InputError: that names the first thing in which theirs differs.
    """
    advice = "leave the flags of the network out, and it is read from there"
    check_same(start.network, network, start.source, advice=advice)


def normalization(start: OpenedWeights, channels: int) -> Normalization | None:
    """What its weights expect to be done to images, for all their channels.

    Returns:
        `None` if nothing tells.

    Raises:
        InputError: if images have another number of channels.
    """
    preprocessing = start.preprocessing
    if preprocessing is None:
        return None
    mean, std = preprocessing.mean, preprocessing.std
    if len(mean) not in (1, channels):
        raise InputError(
            f"{start.source} is of images of {len(mean)} channels, and these have {channels}: give "
            "other weights, or other data."
        )
    times = channels // len(mean)
    return Normalization([*mean * times], [*std * times])


def load(
    start: OpenedWeights,
    model: keras.Model,
    network: NetworkConfig,
    recipe: Recipe,
    scale: Normalization,
    data: Data,
) -> None:
    """Loads weights into a model that is going to be trained; its head if the classes are the same.

    Args:
        start: The weights.
        model: As `training_model` makes it.
        network: Its network.
        recipe: Of its training.
        scale: What it does to images.
        data: What it is trained on.

    Raises:
        InputError: if they do not match.
    """
    plain = network_model(network, scale, None)  # layers that are as in files
    keeps_head = has_classes(start, data)
    (start if keeps_head else start.without_head()).load_rgb_into(plain, new_head=not keeps_head)
    for layer in plain.layers:
        if not (values := layer.get_weights()):
            continue
        if layer.name == HEAD and keeps_head and recipe.teacher:
            # `inference_model` multiplies the head of a distilled network.
            values = [value / recipe.target_temperature for value in values]
        model.get_layer(layer.name).set_weights(values)


def has_classes(start: OpenedWeights, data: Data) -> bool:
    """Whether the head of some weights is for the classes of some data, as far as that is known."""
    if start.network.classes != len(data.classes) or HEAD not in start.contents.weights:
        return False
    return start.classes in ((), data.classes)


def record(start: OpenedWeights, data: Data) -> dict[str, Any]:
    """What the record of a run says of the weights that it began from."""
    return {
        "source": start.source,
        "sha256": start.sha256,
        "head": "kept" if has_classes(start, data) else "new",
    }
