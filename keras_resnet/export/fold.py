"""Batch-norm folding and rewriting for TFLite: an equal network of fewer and plainer layers."""

from itertools import takewhile
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers

from keras_resnet.utils.recursion import deep_recursion


class Folded(NamedTuple):
    """What takes the place of a layer."""

    layer: keras.layers.Layer
    weights: list[np.ndarray]
    absorbed: keras.layers.Layer | None = None  # the layer after it, which is done with this one


def fold(model: keras.Model, images: bool = True) -> keras.Model:
    """Folds batch normalization into convolutions, and rewrites what phones run slowly.

    - A batch normalization after a convolution goes into its kernel and bias.
    - What prepares images, channel order, means and scales, in whatever layers and operations,
      goes into the first convolution if it has no means. Else it becomes a 1x1 convolution: zeros
      around the prepared image are the mean color, which no padding of raw pixels could be.
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
    model = keras.Model(model.inputs, model.outputs, name=model.name)  # of a `Sequential`, too
    plan, done = {}, set()
    after = followers(model)
    preparation = prepared(model)
    first = None if preparation is None else preparation.convolution(after)
    preparing = preparation.names if preparation and images else []
    if preparation and images:
        done.update(preparation.names)
        if first is None:
            done.remove(preparation.names[-1])
            plan[preparation.names[-1]] = preparation.as_layer()
    for layer in model.layers:
        if layer.name in done or layer.name in plan or isinstance(layer, layers.InputLayer):
            continue
        follower, weights = after.get(layer.name), layer.get_weights()
        if not images and preparation and layer.name in preparation.names:
            plan[layer.name] = _same(layer, weights)
            continue
        if images and preparation and layer is first:
            weights[0] = np.einsum("hwpo,pc->hwco", weights[0], preparation.matrix)
        folded = plan[layer.name] = _fold(layer, weights, follower)
        if folded.absorbed:
            done.add(folded.absorbed.name)

    def clone(operation):
        return plan[operation.name].layer if operation.name in plan else operation

    def call(operation, *tensors, **settings):
        first, *_ = keras.tree.flatten(tensors)
        if operation.name in done:
            return first
        if operation.name in preparing:
            return operation(first)  # without the constants that it had
        # Layers have settings of a call, such as `training`, that their successors do not know.
        return operation(*tensors, **({} if operation.name in plan else settings))

    with deep_recursion():
        new = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for folded in plan.values():
        folded.layer.set_weights(folded.weights)
    return new


def followers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """By the name of a layer, the one operation that takes its output, if no other does."""
    takers: dict[int, list[keras.layers.Layer]] = {}
    for operation in model.operations:
        for tensor in keras.tree.flatten(operation.input):
            takers.setdefault(id(tensor), []).append(operation)
    outputs = {id(tensor) for tensor in model.outputs}
    return {
        operation.name: takers[id(operation.output)][0]
        for operation in model.operations
        if len(takers.get(id(operation.output), [])) == 1 and id(operation.output) not in outputs
    }


class Preparation(NamedTuple):
    """What prepares images before the network, as `matrix @ pixel + shift`."""

    names: list[str]  # of its operations, in order
    matrix: np.ndarray  # (channels, channels)
    shift: np.ndarray  # (channels,)

    def convolution(self, after: dict[str, Any]) -> keras.layers.Layer | None:
        """The convolution that it can go into: one behind it, or behind padding with zeros."""
        layer = after.get(self.names[-1])
        if isinstance(layer, layers.ZeroPadding2D):
            layer = after.get(layer.name)
        fits = layer is not None and _convolves(layer) and layer.groups == 1
        return layer if fits and not self.shift.any() else None

    def as_layer(self) -> Folded:
        """It as a layer of its own."""
        settings = {"name": self.names[-1], "dtype": "float32", "trainable": False}
        diagonal = np.diag(self.matrix)
        bias = [self.shift] if self.shift.any() else []
        if (np.diag(diagonal) == self.matrix).all():
            new = layers.DepthwiseConv2D(1, use_bias=bool(bias), **settings)
            return Folded(new, [diagonal.reshape(1, 1, -1, 1), *bias])
        new = layers.Conv2D(len(diagonal), 1, use_bias=bool(bias), **settings)
        return Folded(new, [self.matrix.T[None, None], *bias])


def prepared(model: keras.Model) -> Preparation | None:
    """What prepares the images of a functional model, found by what it does to some of them."""
    image = model.inputs[0]
    _, *operations = model.operations
    region = [*takewhile(_pointwise, operations)]
    if not region or len(image.shape) != 4 or image.shape[-1] is None:
        return None
    names, last, channels = [o.name for o in region], region[-1], image.shape[-1]
    inside = {id(image), *(id(o.output) for o in region[:-1])}
    outside = (t for o in operations[len(region) :] for t in keras.tree.flatten(o.input))
    if last.output.shape != image.shape or any(id(tensor) in inside for tensor in outside):
        return None
    sides = [side or 8 for side in image.shape[1:3]]
    part = keras.Model(model.inputs, last.output)

    def prepare(images: np.ndarray) -> np.ndarray:
        return keras.ops.convert_to_numpy(part([images]))

    black = prepare(np.zeros((1, *sides, channels), "float32"))[0]
    units = np.ones((channels, *sides, 1), "float32") * np.eye(channels)[:, None, None]
    scale = 255.0  # of a unit: the answers are then as exact as those to pixels
    matrix = ((prepare((scale * units).astype("float32")) - black)[:, 0, 0].T / scale).astype(
        "float32"
    )
    shift = black[0, 0].astype("float32")
    noise = np.random.default_rng(0).uniform(0, 255, (1, *sides, channels)).astype("float32")
    expected = noise @ matrix.T + shift
    if not np.allclose(prepare(noise), expected, rtol=1e-4, atol=1e-3):
        return None
    return Preparation(names, matrix, shift)


def _pointwise(operation) -> bool:
    """Whether it could prepare images: arithmetic, or a layer that scales."""
    scaling = layers.Normalization | layers.Rescaling
    return isinstance(operation, scaling) or not isinstance(operation, layers.Layer)


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
    return Folded(layer.__class__.from_config(layer.get_config()), weights)


def _convolves(layer) -> bool:
    return type(layer) is layers.Conv2D and layer.activation is keras.activations.linear


def _normalizes(layer) -> bool:
    """Whether it scales and shifts the channels of feature maps."""
    return isinstance(layer, layers.BatchNormalization) and len(layer.output.shape) == 4


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
    """The factor and the term of each channel that a batch normalization amounts to."""
    gamma = layer.gamma if layer.scale else 1.0
    beta = layer.beta if layer.center else 0.0
    parts = (layer.moving_mean, layer.moving_variance, gamma, beta)
    size = layer.output.shape[-1]
    mean, variance, scale, shift = (
        np.broadcast_to(np.ravel(np.array(part, "float64")), size) for part in parts
    )
    factor = scale / np.maximum(np.sqrt(variance + layer.epsilon), keras.config.epsilon())
    return factor.astype("float32"), (shift - mean * factor).astype("float32")
