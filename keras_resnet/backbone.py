"""A trained network as the start of another one: a new head, or feature maps for a detector."""

import re

import keras

from keras_resnet.assembly import check_model, predictions
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import MOST, check_number
from keras_resnet.utils.recursion import deep_recursion
from keras_resnet.weights.readers import HEAD


def replace_head(model: keras.Model, classes: int, activation="softmax") -> keras.Model:
    """The same network with a new, randomly initialized head.

    Args:
        model: A network of this family or of `keras.applications`, with its top.
        classes: Number of classes.
        activation: Of the head; `None` for logits.

    Returns:
        A model that shares all layers but the last with `model`.

    Raises:
        InputError: if `model` has no `predictions` layer, that is no top.
        TypeError: if it is no `keras.Model`.
    """
    check_model(model)
    classes = check_number("classes", classes, int, 1, MOST)
    with deep_recursion():
        features = _layer(model, HEAD).input
        return keras.Model(model.input, predictions(features, classes, activation), name=model.name)


def feature_pyramid(model: keras.Model) -> keras.Model:
    """The feature maps of every stage, for detectors and segmenters.

    Each map is the input of the next stage's residual branch: in pre-activation networks after
    batch normalization and ReLU, as the bare sums are neither.

    Args:
        model: A network of this family or of `keras.applications`, with its top or without.

    Returns:
        A model that shares all its layers with `model`, from the same input to a dictionary with a
        map for each stage: `"C2"`, the output of `conv2_x`, and so on. ImageNet networks have
        `"C2"` to `"C5"`, of strides 4, 8, 16 and 32; CIFAR networks `"C2"` to `"C4"`, of strides 1,
        2 and 4.

    Raises:
        InputError: if `model` has not the layer names of this family, or its maps are pooled.
        TypeError: if it is no `keras.Model`.
    """
    check_model(model)
    strided = re.compile(r"(conv\d+_block\d+)_[1-9]_conv")
    blocks = [
        name[1]
        for layer in model.layers
        if (name := strided.fullmatch(layer.name)) and max(layer.strides) > 1
    ]
    names = {layer.name for layer in model.layers}
    maps = [_layer(model, _first(block, names)).input for block in blocks]
    if maps:
        maps.append(_layer(model, "avg_pool").input if "avg_pool" in names else model.output)
    if not maps or len(getattr(maps[-1], "shape", ())) != 4:
        raise InputError(
            f"{model.name} has no feature maps of stages: give a network of this package or of "
            "keras.applications, with its top, or without and with pooling=None."
        )
    outputs = {f"C{stage}": tensor for stage, tensor in enumerate(maps, 2)}
    with deep_recursion():
        return keras.Model(model.input, outputs, name=f"{model.name}_pyramid")


def _first(block: str, names: set[str]) -> str:
    """The first layer of a block's branch after its activation."""
    return f"{block}_1_pad" if f"{block}_1_pad" in names else f"{block}_1_conv"


def _layer(model: keras.Model, name: str) -> keras.Layer:
    found = [layer for layer in model.layers if layer.name == name]
    if not found:
        raise InputError(f"{model.name} has no layer {name!r}: build it with include_top=True.")
    return found[0]
