"""From a `Spec` to a Keras model: one residual function builds every network of both papers."""

import warnings
from functools import partial
from os import PathLike

import keras
from keras import layers

from keras_resnet.imagenet_utils import with_preprocessing
from keras_resnet.layers import POOLS, WEIGHINGS, apply_ops, conv, shortcut
from keras_resnet.spec.blocks import ACTIVATION_ORDERS, SHORTCUTS, STEMS, VARIANTS
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import InputError, check_type, shorten
from keras_resnet.utils.fields import MOST, check_number
from keras_resnet.utils.recursion import deep_recursion
from keras_resnet.weights.loading import is_file, load
from keras_resnet.weights.pretrained import PRETRAINED, locate, pretrained_entry
from keras_resnet.weights.readers import HEAD


def residual(x, spec: Spec, stage: int, index: int):
    """One residual block: `add(shortcut(x), branch(x))`, in the spec's activation order."""
    order, variant = ACTIVATION_ORDERS[spec.activation_order], VARIANTS[spec.variant]
    name, branch = f"conv{stage + 2}_block{index + 1}", spec.branch(stage, index)
    y = active = apply_ops(order.enter, x, variant, f"{name}_preact")
    raw = active if variant.fork_active and stage == index == 0 else x
    filters, stride = branch[-1].filters, spec.block_stride(stage, index)
    option = SHORTCUTS[spec.shortcut]
    skip = shortcut(option, raw, active, filters, stride, order.leave, variant, f"{name}_0")
    for i, step in enumerate(branch, 1):
        y = conv(y, *step, variant, f"{name}_{i}")
    if skip is not None:
        skip, y = WEIGHINGS[option.weigh](skip, y, active, stride, name=name)
        y = layers.Add(name=f"{name}_add" if order.after else f"{name}_out")([skip, y])
    return apply_ops(order.after, y, variant, name, out=f"{name}_out")


def features(x, spec: Spec):
    """Everything between the image and the head: stem, stages of blocks, last activation."""
    stem, variant = STEMS[spec.stem], VARIANTS[spec.variant]
    order = ACTIVATION_ORDERS[spec.activation_order]
    # The stem ends as every block does, and the head begins as every block does.
    ending = order.leave + order.after
    x = conv(x, spec.stem_width, stem.kernel, stem.stride, 1, ending, variant, "conv1")
    x = POOLS[variant.pool_padding](x, "pool1") if stem.pool else x
    for stage, blocks in enumerate(spec.blocks):
        for index in range(blocks):
            x = residual(x, spec, stage, index)
    return apply_ops(order.enter, x, variant, "post")


POOLINGS = {
    None: lambda x: x,
    "avg": lambda x: layers.GlobalAveragePooling2D(name="avg_pool")(x),
    "max": lambda x: layers.GlobalMaxPooling2D(name="max_pool")(x),
}


def classifier(x, classes: int, activation):
    """Average pooling, then a dense layer in float32 even under a mixed-precision policy."""
    dtype = keras.config.dtype_policy().variable_dtype  # half precision is too coarse for softmax
    activation = find_activation(activation)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return layers.Dense(classes, activation=activation, dtype=dtype, name=HEAD)(x)


def find_activation(identifier):
    """The function that Keras has under a name; a function is itself, and `None` the identity.

    Raises:
        InputError: if there is none.
    """
    try:
        return keras.activations.get(identifier)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"unknown activation {shorten(identifier)}: give the name of one of Keras, such as "
            "'softmax', a function, or None for logits."
        ) from error


def check_model(model) -> None:
    """Checks that an argument is a model whose layers and inputs are known.

    Raises:
        InputError: if it is a model that is not built.
        TypeError: if it is none.
    """
    check_type("model", model, keras.Model, "a keras.Model")
    if not getattr(model, "inputs", None):
        raise InputError(f"{model.name} has no known inputs: build it of a keras.Input.")


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
        weights: `None` (random initialization), `"imagenet"` (the weights that
            `keras.applications` has for this network, downloaded once), `"cifar10"` (trained
            here, in `saved_models` with the record of its run), or the path of a weight file:
            `.keras`, `.weights.h5`, `.h5`, or a checkpoint of torchvision, timm or transformers,
            `.safetensors`, `.pth`, `.bin`... The default is `None`, unlike in
            `keras.applications`, so that a call needs no internet connection. Of weights whose
            origin is known, `model.preprocess_input(x)` prepares images, RGB, 0 to 255.
        input_tensor: A Keras tensor to use as image input, in place of a new `keras.Input`; its
            size is not checked.
        input_shape: `(height, width, channels)`, or channels first if Keras is set so. By default
            the spec's own shape with the top, and images of any size without it. Images are float
            and already normalized, to about zero mean and unit variance in each channel.
        pooling: Without the top: `None` for the feature maps, `"avg"` or `"max"` to pool them.
        classes: Number of classes; by default the spec's own. If others are given, and the head in
            the weight file does not match, the new head keeps its random initialization.
        classifier_activation: Activation of the top, by name or as a function; `None` returns the
            logits. With weights it is `None` or softmax.
        name: The model's name.

    Returns:
        A functional `keras.Model` of stock layers: `(batch, height, width, channels)` float to
        `(batch, classes)` float32; without the top `(batch, height / s, width / s, features)`, `s`
        being `spec.stride`, or `(batch, features)` if pooled.

    Raises:
        InputError: a `ValueError`, for impossible arguments; messages begin as in
            `keras.applications`, but an unknown `pooling` is an error here.
        TypeError: if `spec` is no `Spec`.
    """
    if not isinstance(spec, Spec):
        raise TypeError(
            f"spec must be a keras_resnet.Spec; got {shorten(spec)}: named networks are "
            "keras_resnet.ResNet20() and so on."
        )
    check_type("name", name, str, "a string")
    classes = spec.classes if classes is None or not include_top else classes
    classes = check_number("classes", classes, int, 1, MOST)
    _check(spec, include_top, weights, pooling, classes, classifier_activation)
    shape = _input_shape(spec, input_shape, include_top, weights)
    image = layers.Input(shape) if input_tensor is None else input_tensor
    if not keras.backend.is_keras_tensor(image):
        raise InputError(f"`input_tensor` should be a Keras tensor. Received: {type(image)}")

    x = features(image, spec)
    head = partial(classifier, classes=classes, activation=classifier_activation)
    x = (head if include_top else POOLINGS[pooling])(x)
    inputs = image if input_tensor is None else keras.utils.get_source_inputs(input_tensor)
    with deep_recursion():
        model = keras.Model(inputs, x, name=name)
    if weights is None:
        return model
    named = PRETRAINED.get(weights) if isinstance(weights, str) else None
    path = locate(weights, spec, include_top) if named else weights
    mode = load(model, path, spec, classes != spec.classes, verified=bool(named))
    return with_preprocessing(model, named.preprocessing(spec) if named else mode)


def _check(spec: Spec, include_top, weights, pooling, classes, activation) -> None:
    """Refuses what `keras.applications` refuses, and poolings that it ignores."""
    if not (pooling is None or (isinstance(pooling, str) and pooling in POOLINGS)):
        raise InputError(
            f"`pooling` should be None, 'avg' or 'max'. Received: pooling={shorten(pooling)}"
        )
    named = isinstance(weights, str) and weights in PRETRAINED
    if not (weights is None or named or (isinstance(weights, str | PathLike) and is_file(weights))):
        raise InputError(
            "The `weights` argument should be either `None` (random initialization), 'imagenet' "
            "(pre-training on ImageNet), 'cifar10' (trained here), or the path to the weights "
            "file to be loaded. "
            f"Received: weights={shorten(weights)}"
        )
    if weights in PRETRAINED:
        pretrained_entry(weights, spec)
        count = PRETRAINED[weights].classes
        if include_top and classes != count:
            raise InputError(
                f"If using `weights='{weights}'` with `include_top=True`, `classes` should be "
                f"{count}. Received classes={classes}. For other classes, give the model of "
                f"{count} to keras_resnet.replace_head."
            )
    legal = (keras.activations.softmax, keras.activations.linear)
    if weights is not None and include_top and find_activation(activation) not in legal:
        raise InputError(
            "Only `None` and `softmax` activations are allowed for the `classifier_activation` "
            "argument when using pretrained weights, with `include_top=True`; Received: "
            f"classifier_activation={shorten(activation)}"
        )


def _input_shape(spec: Spec, given, include_top: bool, weights) -> tuple:
    """The shape of the images, checked as `keras.applications` does; None stands for any size."""
    first = keras.config.image_data_format() == "channels_first"
    height, width, channels = spec.input_shape
    default = (channels, height, width) if first else spec.input_shape
    anything = (channels, None, None) if first else (None, None, channels)
    if given is None:
        given = default if include_top else anything
    given = _sides(given)
    size, channels = (given[1:], given[0]) if first else (given[:2], given[2])
    if weights in PRETRAINED and include_top and tuple(given) != default:
        raise InputError(
            f"When setting `include_top=True` and loading `{weights}` weights, `input_shape` "
            f"should be {default}. Received: input_shape={given}"
        )
    if weights in PRETRAINED and channels != 3:
        raise InputError(f"The input must have 3 channels; Received `input_shape={given}`")
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
    return given


def _sides(given) -> tuple[int | None, ...]:
    """The three sides in any sequence, such as a `TensorShape`; None stands for any size."""
    try:
        sides = tuple(given)
    except (TypeError, ValueError):  # a shape of unknown rank
        sides = ()
    if len(sides) != 3:
        raise InputError(
            f"`input_shape` must be a tuple of three integers. Received: {shorten(given)}"
        )
    return tuple(
        None if side is None else check_number("each of input_shape", side, int, 1, MOST)
        for side in sides
    )
