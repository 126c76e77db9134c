"""From a `Spec` to a Keras model: one residual function builds every network of both papers."""

import warnings
from pathlib import Path

import keras
from keras import layers

from keras_resnet.errors import InputError
from keras_resnet.layers import SHORTCUTS, conv, pool, run
from keras_resnet.spec import CONVENTIONS, ORDERS, STEMS, UNITS, Spec


def residual(x, spec: Spec, stage: int, index: int):
    """One residual unit: `add(shortcut(x), branch(x))`, in the spec's activation order."""
    unit, order, rules = UNITS[spec.unit], ORDERS[spec.order], CONVENTIONS[spec.convention]
    name, width = f"conv{stage + 2}_block{index + 1}", spec.widths[stage]
    last, stride = len(unit.kernels) - 1, spec.unit_stride(stage, index)
    strided = unit.kernels.index(3) if rules.stride_on_3x3 else 0
    # One entry for each convolution of the branch.
    filters = [width] * last + [width * unit.expansion]
    strides = [stride if i == strided else 1 for i in range(last + 1)]
    then = ["bn relu"] * last + [order.leave]

    y = active = run(order.enter, x, rules, f"{name}_preact")
    raw = x if index else active  # a stage's first unit forks after its activation
    shortcut = SHORTCUTS[spec.shortcut]
    skip = shortcut(raw, active, filters[-1], stride, order.leave, rules, f"{name}_0")
    for i, step in enumerate(zip(filters, unit.kernels, strides, then, strict=True), 1):
        y = conv(y, *step, rules, f"{name}_{i}")
    if skip is not None:
        y = layers.Add(name=f"{name}_add" if order.after else f"{name}_out")([skip, y])
    return run(order.after, y, rules, name, out=f"{name}_out")


def features(x, spec: Spec):
    """Everything between the image and the head: stem, stages of units, last activation."""
    stem, order, rules = STEMS[spec.stem], ORDERS[spec.order], CONVENTIONS[spec.convention]
    # The stem ends as every unit does, and the head begins as every unit does.
    ending = f"{order.leave} {order.after}"
    x = conv(x, spec.widths[0], stem.kernel, stem.stride, ending, rules, "conv1")
    x = pool(x, "pool1") if stem.pool else x
    for stage, units in enumerate(spec.units):
        for index in range(units):
            x = residual(x, spec, stage, index)
    return run(order.enter, x, rules, "post")


POOLINGS = {
    None: lambda x: x,
    "avg": lambda x: layers.GlobalAveragePooling2D(name="avg_pool")(x),
    "max": lambda x: layers.GlobalMaxPooling2D(name="max_pool")(x),
}


def classifier(x, classes: int, activation):
    """Average pooling and one dense layer, in float32 even under a mixed-precision policy."""
    dtype = keras.config.dtype_policy().variable_dtype  # half precision is too coarse for a softmax
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return layers.Dense(classes, activation=activation, dtype=dtype, name="predictions")(x)


def ResNet(
    spec: Spec,
    include_top: bool = True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling: str | None = None,
    classes: int | None = None,
    classifier_activation="softmax",
    name: str = "resnet",
) -> keras.Model:
    """Builds the network that a `Spec` describes, with the arguments of `keras.applications`.

    Args:
        spec: The network.
        include_top: Whether to end with average pooling and the dense layer `predictions`.
        weights: `None` (random initialisation) or the path of a `.weights.h5`, `.h5` or `.keras`
            file. `None` is the default on purpose, unlike in `keras.applications`: a call must
            work with no network.
        input_tensor: A Keras tensor to use as image input, in place of a new `keras.Input`.
        input_shape: `(height, width, channels)`, or channels first if Keras is set so. By default
            the spec's own shape with the top, and images of any size without it. Images are float
            and already normalised, to about zero mean and unit variance in each channel.
        pooling: Without the top: `None` for the feature maps, `"avg"` or `"max"` to pool them.
        classes: Number of classes; by default the spec's own.
        classifier_activation: Activation of the top; `None` returns the logits.
        name: The model's name.

    Returns:
        A functional `keras.Model` of stock layers: `(batch, height, width, channels)` float to
        `(batch, classes)` float32; without the top `(batch, height / s, width / s, features)`, `s`
        being `spec.stride`, or `(batch, features)` if pooled.

    Raises:
        InputError: a `ValueError`, for impossible arguments; messages begin as in
            `keras.applications`, but an unknown `pooling` is an error here.
    """
    if pooling not in POOLINGS:
        raise InputError(f"`pooling` should be None, 'avg' or 'max'. Received: pooling={pooling!r}")
    if weights is not None and not Path(weights).is_file():
        raise InputError(
            "The `weights` argument should be either `None` (random initialization) or the path "
            f"to the weights file to be loaded. Received: weights={weights}"
        )
    shape = _input_shape(spec, input_shape, include_top)
    image = layers.Input(shape) if input_tensor is None else input_tensor
    if not keras.backend.is_keras_tensor(image):
        raise InputError(f"`input_tensor` should be a Keras tensor. Received: {type(image)}")

    x = features(image, spec)
    if include_top:
        if weights is not None and classifier_activation not in ("softmax", None):
            raise InputError(
                "Only `None` and `softmax` activations are allowed for the "
                "`classifier_activation` argument when using pretrained weights, with "
                f"`include_top=True`; Received: classifier_activation={classifier_activation}"
            )
        x = classifier(x, spec.classes if classes is None else classes, classifier_activation)
    else:
        x = POOLINGS[pooling](x)
    inputs = image if input_tensor is None else keras.utils.get_source_inputs(input_tensor)
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        model.load_weights(weights)
    return model


def _input_shape(spec: Spec, given, include_top: bool) -> tuple:
    """The shape of the images, checked as `keras.applications` does; None stands for any size."""
    first = keras.config.image_data_format() == "channels_first"
    if given is None:
        height, width, channels = spec.input_shape
        size = (height, width) if include_top else (None, None)
        given = (channels, *size) if first else (*size, channels)
    if len(given) != 3:
        raise InputError(f"`input_shape` must be a tuple of three integers. Received: {given}")
    size, channels = (given[1:], given[0]) if first else (given[:2], given[2])
    if channels not in (1, 3):
        warnings.warn(
            "This model usually expects 1 or 3 input channels. However, it was passed an "
            f"input_shape with {channels} input channels.",
            stacklevel=4,
        )
    if include_top and None in given:
        raise InputError(
            "If `include_top` is True, you should specify a static `input_shape`. "
            f"Received: {given}"
        )
    spec.check_size(*size)
    return tuple(given)
