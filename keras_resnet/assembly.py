"""From the layers of a network to a Keras model, with the arguments of `keras.applications`."""

import warnings
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from keras_resnet.imagenet_utils import with_preprocessing
from keras_resnet.spec.config import NetworkConfig
from keras_resnet.utils.errors import InputError, check_type, shorten
from keras_resnet.utils.fields import MOST, check_number
from keras_resnet.utils.recursion import functional
from keras_resnet.weights.loading import transfer
from keras_resnet.weights.pretrained import PRETRAINED, is_source, pretrained_entry, read
from keras_resnet.weights.readers import HEAD

POOLINGS = {
    None: lambda x: x,
    "avg": lambda x: layers.GlobalAveragePooling2D(name="avg_pool")(x),
    "max": lambda x: layers.GlobalMaxPooling2D(name="max_pool")(x),
}


def predictions(x, classes: int, activation, name: str = HEAD):
    """A dense layer of the classes, in float32 even where the policy is of half precision."""
    activation = find_activation(activation)
    return layers.Dense(classes, activation=activation, dtype=head_dtype(), name=name)(x)


def head_dtype() -> str:
    """What a head computes in: half precision is too coarse for softmax."""
    dtype = keras.config.dtype_policy().variable_dtype
    return "float32" if dtype in ("float16", "bfloat16") else dtype


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


def assemble(
    config: NetworkConfig,
    features: Callable[..., Any],
    classifier: Callable[..., Any],
    include_top: bool = True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling: str | None = None,
    classes: int | None = None,
    classifier_activation="softmax",
    name: str = "network",
) -> keras.Model:
    """Builds the model of a network of any family; `keras_resnet.ResNet` says what arguments mean.

    Args:
        config: The network.
        features: `(images, config) -> maps`: everything between the image and the head.
        classifier: `(maps, config, classes, activation) -> classes`: the head, whose last layer is
            named `predictions`.
        include_top: Whether to end with the head.
        weights: See there.
        input_tensor: See there.
        input_shape: See there.
        pooling: See there.
        classes: See there.
        classifier_activation: See there.
        name: See there.

    Returns:
        The model.

    Raises:
        InputError: for impossible arguments.
        TypeError: if `name` is no string.
    """
    check_type("name", name, str, "a string")
    classes = config.classes if classes is None or not include_top else classes
    classes = check_number("classes", classes, int, 1, MOST)
    _check(config, include_top, weights, pooling, classes, classifier_activation)
    if input_tensor is None:
        image = layers.Input(_input_shape(config, input_shape, include_top, weights))
    else:
        image = input_tensor
        _check_tensor(config, image, input_shape, include_top)

    x = features(image, config)
    if include_top:
        x = classifier(x, config, classes, classifier_activation)
    else:
        x = POOLINGS[pooling](x)
    sources = keras.utils.get_source_inputs(image)
    inputs = sources[0] if len(sources) == 1 else sources  # of a list, Keras warns when called
    model = functional(inputs, x, name=name)
    if weights is None:
        return model
    _, contents = read(weights, config, include_top)
    own = functional(image, x, name=name)  # without the layers that make `input_tensor`
    transfer(contents, own, str(weights), config, new_head=classes != config.classes)
    return with_preprocessing(model, contents.preprocessing)


def _check(config: NetworkConfig, include_top, weights, pooling, classes, activation) -> None:
    """Refuses what `keras.applications` refuses, and poolings that it ignores."""
    if not (pooling is None or (isinstance(pooling, str) and pooling in POOLINGS)):
        raise InputError(
            f"`pooling` should be None, 'avg' or 'max'. Received: pooling={shorten(pooling)}"
        )
    if not (weights is None or is_source(weights)):
        raise InputError(
            "The `weights` argument should be either `None` (random initialization), 'imagenet' "
            "(pre-training on ImageNet), 'cifar10' (trained here), 'hf://OWNER/NAME' (on the "
            "Hugging Face Hub), or the path to the weights file or run folder to be loaded. "
            f"Received: weights={shorten(weights)}"
        )
    if weights in PRETRAINED:
        pretrained_entry(weights, config)
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


def _input_shape(config: NetworkConfig, given, include_top: bool, weights) -> tuple:
    """The shape of the images, checked as `keras.applications` does; None stands for any size."""
    first = keras.config.image_data_format() == "channels_first"
    height, width, channels = config.input_shape
    default = (channels, height, width) if first else config.input_shape
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
            stacklevel=5,
        )
    _check_size(config, given, size, include_top)
    return given


def _check_tensor(config: NetworkConfig, image, given, include_top: bool) -> None:
    """Refuses an `input_tensor` that is no images for the network, or is not of `input_shape`."""
    if not keras.backend.is_keras_tensor(image):
        raise InputError(f"`input_tensor` should be a Keras tensor. Received: {type(image)}")
    if len(image.shape) != 4:
        raise InputError(f"`input_tensor` should be a batch of images. Received: {image.shape}")
    shape = _sides(image.shape[1:])
    pairs = zip(shape, shape if given is None else _sides(given), strict=True)
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise InputError(
            f"`input_shape` is {tuple(given)}, and `input_tensor` has {shape}: leave one out."
        )
    first = keras.config.image_data_format() == "channels_first"
    _check_size(config, shape, shape[1:] if first else shape[:2], include_top)


def _check_size(config: NetworkConfig, shape, size, include_top: bool) -> None:
    """Unlike in `keras.applications`, after global pooling images may have any size."""
    if include_top and None in shape and not config.any_size:
        raise InputError(
            "If `include_top` is True, you should specify a static `input_shape`. "
            f"Received: {shape}"
        )
    config.check_size(*size)


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
