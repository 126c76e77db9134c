"""Networks as graphs of Keras layers: copied, changed, and observed inside."""

import re
from collections.abc import Callable
from inspect import signature
from typing import Any

import keras
import numpy as np

from keras_resnet.utils.recursion import clone, functional

BLOCK = re.compile(r"(conv\d+_block\d+)_(.+)")  # of our layers' names: the block, and what follows
SHORTCUT, BRANCH = re.compile(r"conv\d+_block\d+_0_"), re.compile(r"conv\d+_block\d+_[1-9]\d*_")


def copy(model: keras.Model, call: Callable | None = None) -> keras.Model:
    """The same network of layers and weights of its own.

    Args:
        model: A functional model.
        call: `call(layer, *inputs)` applies a layer of the copy; it may do something else.
    """
    copied = _clone(model, lambda layer: layer.get_config(), call)
    ours = {layer.name: layer for layer in copied.layers}
    for layer in model.layers:
        if layer.name in ours:
            ours[layer.name].set_weights(layer.get_weights())
    return copied


def initialized(
    model: keras.Model,
    seed: int,
    initializer: type[keras.initializers.Initializer] | None = None,
    normalized: bool = True,
) -> keras.Model:
    """The same network with initial weights, which depend on the seed only.

    Args:
        model: A functional model.
        seed: Of all layers.
        initializer: Of the kernels; `None` for those of the network.
        normalized: Whether to keep the batch normalizations.
    """
    kernels = [layer.name for layer in model.layers if _learns_kernel(layer)]
    seeds = np.random.default_rng(seed).integers(2**31, size=len(kernels)).tolist()
    seed_of = dict(zip(kernels, seeds, strict=True))

    def config(layer: keras.Layer) -> dict[str, Any]:
        found = layer.get_config()
        if layer.name in seed_of:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            name = "depthwise_initializer" if depthwise else "kernel_initializer"
            theirs = getattr(layer, name)
            kind, own = initializer or type(theirs), {} if initializer else theirs.get_config()
            if "seed" in signature(kind).parameters:  # else it is not random
                found[name] = kind.from_config(own | {"seed": seed_of[layer.name]})
        return found

    def call(layer, *inputs, **arguments):
        if not normalized and isinstance(layer, keras.layers.BatchNormalization):
            return inputs[0]
        return layer(*inputs, **arguments)

    new = _clone(model, config, call)
    for layer in new.layers:
        if hasattr(layer, "kernel") and not _learns_kernel(layer):  # as the codes of LeNet-5
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return new


def _learns_kernel(layer: keras.Layer) -> bool:
    return hasattr(layer, "kernel") and layer.trainable


def _clone(model: keras.Model, config: Callable, call: Callable | None) -> keras.Model:
    return clone(
        model, clone_function=lambda layer: type(layer).from_config(config(layer)),
        call_function=call,
    )  # fmt: skip


def weighted_layers(model: keras.Model) -> list[keras.Layer]:
    """The convolutions and dense layers that learn, in order, but for those on shortcuts."""
    return [
        layer for layer in model.layers if _learns_kernel(layer) and not SHORTCUT.match(layer.name)
    ]


def responses(model: keras.Model) -> dict[str, Any]:
    """The tensors that are the responses of layers, by name of the layer, in order.

    They are the outputs of each convolution that is larger than 1x1, after the batch normalization
    that follows it at once, if any does, and before the nonlinearity; a convolution with an
    activation of its own is seen after it.
    """
    normalized = {
        id(layer.input): layer.output
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    return {
        layer.name: normalized.get(id(layer.output), layer.output)
        for layer in weighted_layers(model)
        if isinstance(layer, keras.layers.Conv2D) and max(layer.kernel_size) > 1
    }


def observe(model: keras.Model, tensors: dict[str, Any]) -> keras.Model:
    """A model of the same layers, from images to some tensors inside."""
    return functional(model.inputs[0], list(tensors.values()))
