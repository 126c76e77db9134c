"""Batch-norm folding and rewriting for TFLite: an equal network of fewer and plainer layers."""

from collections import defaultdict
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers

from keras_resnet.export.preparation import Preparation, Takers, find_preparation
from keras_resnet.layers import set_weights
from keras_resnet.utils.recursion import clone, functional


class Folded(NamedTuple):
    """What takes the place of a layer."""

    layer: keras.layers.Layer
    weights: list[np.ndarray]
    absorbed: keras.layers.Layer | None = None  # the layer after it, which is done with this one


def fold(model: keras.Model, images: bool = True) -> keras.Model:
    """Folds batch normalization into convolutions, and rewrites what phones run slowly.

    - A batch normalization after a convolution goes into its kernel and bias.
    - What prepares images, whatever it is made of, goes into the first convolution: the order of
      channels and factors into its kernel, means into its bias. Where it pads with zeros, which
      are to be mean pixels, what means zero is put at zero by a 1x1 depthwise convolution before.
    - Any other normalization, as before the convolutions of v2, becomes a 1x1 depthwise
      convolution: quantized, it has a scale for each channel, where the product and the sum that
      TFLite would make of it have one for all.
    - Subsampling becomes a 1x1 convolution with a stride, together with the channels of zeros of
      shortcut option A: XNNPACK, which computes on phones' processors, refuses 1x1 pooling, and
      TensorFlow 2.21 on CPUs crashes on the sum of a biased convolution and such a padding.

    Args:
        model: A functional model with channels last, which stays as it is.
        images: Whether to rewrite what prepares images, too.

    Returns:
        A new model of stock layers: the same inputs, the same outputs up to rounding, and the same
        names of layers.
    """
    inputs, outputs = (x[0] if len(x) == 1 else x for x in (model.inputs, model.outputs))
    model = functional(inputs, outputs, name=model.name)  # of a `Sequential`, too
    after = followers(model)
    prepared = find_preparation(model, _takers(model)) if images else None
    plan = _prepare(prepared) if prepared else {}
    done = {operation.name for operation in prepared.operations} if prepared else set()
    for layer in model.layers:
        if layer.name in done or isinstance(layer, layers.InputLayer):
            continue
        follower, weights = after.get(layer.name), layer.get_weights()
        if isinstance(layer, layers.Normalization) and not images:
            plan[layer.name] = _same(layer, weights)
            continue
        if prepared and layer is prepared.convolution:
            weights = _absorb(prepared, weights)
        folded = plan[layer.name] = _fold(layer, weights, follower)
        if folded.absorbed:
            done.add(folded.absorbed.name)

    def copy(operation):
        return plan[operation.name].layer if operation.name in plan else operation

    def call(operation, *tensors, **settings):
        if operation.name in done:  # others than tensors are numbers for the images
            first = next(filter(keras.backend.is_keras_tensor, keras.tree.flatten(tensors)))
            return operation(first) if operation.name in plan else first
        # Layers have settings of a call, such as `training`, that their successors do not know.
        return operation(*tensors, **({} if operation.name in plan else settings))

    new = clone(model, clone_function=copy, call_function=call)
    for folded in plan.values():
        set_weights(folded.layer, folded.weights)
    return new


def _takers(model: keras.Model) -> Takers:
    takers: Takers = defaultdict(list)
    for operation in model.operations:
        for tensor in keras.tree.flatten(operation.input):
            takers[id(tensor)].append(operation)
    return takers


def followers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """By the name of a layer, the one operation that takes its output, if no other does."""
    takers = _takers(model)
    outputs = {id(tensor) for tensor in model.outputs}
    return {
        layer.name: takers[id(layer.output)][0]
        for layer in model.layers
        if len(takers.get(id(layer.output), [])) == 1 and id(layer.output) not in outputs
    }


def _prepare(prepared: Preparation) -> dict[str, Folded]:
    """What takes the place of the last operation that prepares images, if anything must."""
    if not (prepared.padded and prepared.term.any()):
        return {}
    _, factor, shift = prepared.split()
    settings = {"name": prepared.operations[-1].name, "dtype": prepared.convolution.dtype_policy}
    new = layers.DepthwiseConv2D(1, trainable=False, **settings)
    return {new.name: Folded(new, [factor.reshape(1, 1, -1, 1), shift])}


def _absorb(prepared: Preparation, weights: list[np.ndarray]) -> list[np.ndarray]:
    """The weights of the first convolution, which does what is left of the preparation."""
    kernel, *bias = weights
    shifted = prepared.padded and prepared.term.any()
    matrix = prepared.split()[0] if shifted else prepared.matrix
    if prepared.term.any() and not shifted:
        bias = [np.einsum("hwio,i->o", kernel, prepared.term) + (bias[0] if bias else 0)]
    return [np.einsum("hwio,ij->hwjo", kernel, matrix), *bias]


def _fold(layer, weights: list[np.ndarray], after) -> Folded:
    if _convolves(layer) and isinstance(after, layers.BatchNormalization):
        return _convolution(layer, weights, after)
    if _normalizes(layer):
        factor, term = _affine(layer)
        return _depthwise(layer, [factor.reshape(1, 1, -1, 1), term])
    if isinstance(layer, layers.MaxPooling2D) and layer.pool_size == (1, 1):
        if _pads_channels(after):
            return _selection(layer, after, layer.strides)
        ones = np.ones((1, 1, layer.output.shape[-1], 1), "float32")
        return _depthwise(layer, [ones], strides=layer.strides)
    if _pads_channels(layer):
        return _selection(layer, layer)
    return _same(layer, weights)


def _same(layer, weights: list[np.ndarray]) -> Folded:
    config = layer.get_config()
    if type(layer) is layers.Conv2D:
        config["use_bias"] = len(weights) > 1  # it may have got one
    return Folded(layer.__class__.from_config(config), weights)


def _convolves(layer) -> bool:
    return type(layer) is layers.Conv2D and layer.activation is keras.activations.linear


def _normalizes(layer) -> bool:
    """Whether it scales and shifts the channels of images."""
    kinds = layers.BatchNormalization | layers.Normalization
    inverse = getattr(layer, "invert", False)
    return isinstance(layer, kinds) and len(layer.output.shape) == 4 and not inverse


def _pads_channels(layer) -> bool:
    pads = isinstance(layer, layers.ZeroPadding2D) and layer.data_format == "channels_first"
    return pads and layer.padding[0] == (0, 0)


def _convolution(layer, weights: list[np.ndarray], normalization) -> Folded:
    factor, term = _affine(normalization)
    kernel, *bias = weights
    new = layers.Conv2D.from_config(layer.get_config() | {"use_bias": True})
    return Folded(new, [kernel * factor, term + factor * (bias[0] if bias else 0)], normalization)


def _selection(layer, padding, strides=(1, 1)) -> Folded:
    """A convolution that only puts channels in place: where `padding` does, after `layer`."""
    channels, filters = padding.input.shape[-1], padding.output.shape[-1]
    kernel = np.eye(channels, filters, padding.padding[1][0], "float32")
    new = layers.Conv2D(filters, 1, strides, use_bias=False, **_fixed(layer))
    return Folded(new, [kernel[None, None]], None if padding is layer else padding)


def _depthwise(layer, weights: list[np.ndarray], **settings) -> Folded:
    new = layers.DepthwiseConv2D(1, use_bias=len(weights) > 1, **settings, **_fixed(layer))
    return Folded(new, weights)


def _fixed(layer) -> dict[str, Any]:
    # Not to be trained: what only scales or selects channels is exact as int8.
    return {"name": layer.name, "dtype": layer.dtype_policy, "trainable": False}


def _affine(layer) -> tuple[np.ndarray, np.ndarray]:
    """The factor and the term of each channel that a normalization amounts to."""
    if isinstance(layer, layers.Normalization):
        parts, epsilon = (layer.mean, layer.variance, 1.0, 0.0), 0.0
    else:
        gamma = layer.gamma if layer.scale else 1.0
        beta = layer.beta if layer.center else 0.0
        parts, epsilon = (layer.moving_mean, layer.moving_variance, gamma, beta), layer.epsilon
    size = layer.output.shape[-1]
    mean, variance, scale, shift = (
        np.broadcast_to(np.ravel(np.array(part, "float64")), size) for part in parts
    )
    factor = scale / np.maximum(np.sqrt(variance + epsilon), keras.config.epsilon())
    return factor.astype("float32"), (shift - mean * factor).astype("float32")
