"""A trained network as the start of another: a new head, feature maps, frozen normalization."""

import re
from itertools import accumulate, takewhile
from math import prod
from operator import mul

import keras
from keras import layers

from keras_resnet.assembly import predictions
from keras_resnet.layers import set_weights
from keras_resnet.utils.errors import InputError, check_model, check_type
from keras_resnet.utils.fields import MOST, check_number
from keras_resnet.utils.recursion import clone, functional
from keras_resnet.weights.readers import HEAD

BRANCH = re.compile(r"(conv(\d+)_block(\d+))_[1-9]_conv")  # convolutions of residual branches
OURS = "give a network of this package or of keras.applications"


def replace_head(model: keras.Model, classes: int, activation="softmax") -> keras.Model:
    """The same network with a new, randomly initialized head.

    Args:
        model: A network of this family or of `keras.applications`, with its top.
        classes: Number of classes.
        activation: Of the head; `None` for logits.

    Returns:
        A model that shares all layers but the last with `model`.

    Raises:
        InputError: if `model` has no dense layer `predictions`, that is no top.
        TypeError: if it is no `keras.Model`.
    """
    check_model(model)
    classes = check_number("classes", classes, int, 1, MOST)
    head = _layer(model, HEAD, "build it with include_top=True")
    if not isinstance(head, layers.Dense):  # as in MobileNet of `keras.applications`
        raise InputError(
            f"{HEAD!r} of {model.name} is no dense layer but {type(head).__name__}: build it with "
            "include_top=False, and put a head on that."
        )
    outputs = predictions(head.input, classes, activation)
    return _prepared_as(model, functional(model.input, outputs, name=model.name))


def feature_pyramid(model: keras.Model) -> keras.Model:
    """The feature maps of every stage, for detectors and segmenters.

    Each map is the input of the next stage's residual branch: in pre-activation networks after
    batch normalization and ReLU, as the bare sums are neither. `pyramid_levels(spec)` tells their
    strides and channels without building.

    Args:
        model: A network of this family or of `keras.applications`, with its top or without.

    Returns:
        A model that shares all its layers with `model`, from the same input to a dictionary with a
        map for each stage: `"C2"`, the output of `conv2_x`, and so on. ImageNet networks have
        `"C2"` to `"C5"`, of strides 4, 8, 16 and 32; CIFAR networks `"C2"` to `"C4"`, of strides 1,
        2 and 4; `output_stride` limits them.

        Its `pyramid_outputs` has the same maps as keras-hub names them, which makes it the
        `image_encoder` of a detector or segmenter there: `"P3"` has a stride of 2**3. Of maps with
        one stride, it has the last.

    Raises:
        InputError: if `model` has not the layer names of this family, or its maps are pooled.
        TypeError: if it is no `keras.Model`.
    """
    check_model(model)
    names = {layer.name for layer in model.layers}
    halving = _halving(model)
    maps = [_layer(model, _first(block, names), OURS).input for block in halving]
    if any(map(BRANCH.fullmatch, names)):
        maps.append(model.get_layer("avg_pool").input if "avg_pool" in names else model.output)
    if not maps or len(getattr(maps[-1], "shape", ())) != 4:
        raise InputError(
            f"{model.name} has no feature maps of stages: {OURS}, with its top, or without and "
            "with pooling=None."
        )
    outputs = {f"C{stage}": tensor for stage, tensor in enumerate(maps, 2)}
    pyramid = functional(model.input, outputs, name=f"{model.name}_pyramid")
    pyramid.pyramid_outputs = {
        f"P{stride.bit_length() - 1}": tensor
        for stride, tensor in zip(_strides(model, halving), maps, strict=True)
    }
    return _prepared_as(model, pyramid)


def _prepared_as(model: keras.Model, new: keras.Model) -> keras.Model:
    """A model that says how it wants images, if the one that it was made of does."""
    for name in ("preprocessing", "preprocess_input"):
        if hasattr(model, name):
            setattr(new, name, getattr(model, name))
    return new


def _halving(model: keras.Model) -> list[str]:
    """The blocks that halve the image between two stages, or would without dilation.

    The first of them does, and the others are at the same place in their stages.
    """
    found = [(layer, match) for layer in model.layers if (match := BRANCH.fullmatch(layer.name))]
    count = {int(match[2]): int(match[3]) for _, match in found}  # blocks of each stage, in order
    strided = [int(match[2]) for layer, match in found if max(layer.strides) > 1]
    if strided and strided[0] == min(count):
        return [f"conv{stage}_block{blocks}" for stage, blocks in [*count.items()][:-1]]
    return [f"conv{stage}_block1" for stage in [*count][1:]]


def _strides(model: keras.Model, halving: list[str]) -> list[int]:
    """Pixels of an image per pixel of each map: before each of the blocks, and at the end."""
    strided = [layer for layer in model.layers if hasattr(layer, "strides")]
    stem = takewhile(lambda layer: not BRANCH.fullmatch(layer.name), strided)
    factors = [prod(max(layer.strides) for layer in stem)]
    for block in halving:
        branch = (la for la in strided if (m := BRANCH.fullmatch(la.name)) and m[1] == block)
        factors.append(prod(max(layer.strides) for layer in branch))
    return [*accumulate(factors, mul)]


def freeze_batchnorm(model: keras.Model, scales: bool = True) -> keras.Model:
    """A copy of a network whose batch normalization keeps its statistics, in training too.

    Detectors and segmenters train on so few images at a time that the statistics of a batch say
    little, and take those of the weights that they begin with ("FrozenBN" in Detectron, He et al.
    2017). `trainable=True` on a whole model would undo it.

    Args:
        model: A functional model, such as a network of this family, or `feature_pyramid` of it.
        scales: Whether to freeze scales and shifts as well, as Detectron and torchvision do. Else,
            as in DeepLab's code, they are trained: in a 1x1 depthwise convolution after each
            normalization, named `NAME_scale`.

    Returns:
        A new model of stock layers with the same weights and outputs: it can be cloned, saved and
        loaded. With frozen scales, its weight files are those of `model`.

    Raises:
        InputError: if `model` is not built, or has other models as layers; or if scales are to be
            trained of a normalization of vectors.
        TypeError: if it is no `keras.Model`.
    """
    check_model(model)
    check_type("scales", scales, bool, "True or False")
    given = model
    model = functional(model.input, model.output, name=model.name)  # of a `Sequential`, too
    if inner := [layer.name for layer in model.layers if isinstance(layer, keras.Model)]:
        raise InputError(
            f"{model.name} has a model as a layer, {inner[0]!r}, whose batch normalization would "
            "not be frozen: freeze that one, and build on it."
        )
    frozen = {la.name: la for la in model.layers if isinstance(la, layers.BatchNormalization)}
    affine = {name: layer for name, layer in frozen.items() if layer.center or layer.scale}
    split = {} if scales else affine
    if flat := [name for name in split if len(frozen[name].output.shape) != 4]:
        raise InputError(
            f"layer {flat[0]!r} of {model.name} normalizes vectors, not maps: freeze the network "
            "before its head is put on, or with scales=True."
        )

    def copy(layer):
        config = layer.get_config()
        config |= {"trainable": False} if layer.name in frozen else {}
        config |= {"center": False, "scale": False} if layer.name in split else {}
        return layer.__class__.from_config(config)

    def call(layer, *tensors, **settings):
        x = layer(*tensors, **settings)
        return _scale(split[layer.name])(x) if layer.name in split else x

    new = clone(model, clone_function=copy, call_function=call)
    for layer in model.layers:
        if not layer.weights:
            continue
        copied = new.get_layer(layer.name)
        if layer.name in split:
            copied.set_weights([layer.moving_mean, layer.moving_variance])
            new.get_layer(f"{layer.name}_scale").set_weights(_affine(layer))
        else:
            set_weights(copied, layer.get_weights())
    if hasattr(given, "pyramid_outputs"):
        place = {id(tensor): i for i, tensor in enumerate(model.outputs)}
        new.pyramid_outputs = {
            level: new.outputs[place[id(tensor)]] for level, tensor in given.pyramid_outputs.items()
        }
    return _prepared_as(given, new)


def _scale(normalization: keras.Layer) -> keras.Layer:
    """A layer that scales and shifts channels of images, as a batch normalization does."""
    return layers.DepthwiseConv2D(
        1, dtype=normalization.dtype_policy, name=f"{normalization.name}_scale"
    )


def _affine(normalization: keras.Layer) -> list:
    """The weights of that layer."""
    channels = normalization.moving_mean.shape[0]
    gamma = normalization.gamma if normalization.scale else keras.ops.ones(channels)
    beta = normalization.beta if normalization.center else keras.ops.zeros(channels)
    return [keras.ops.reshape(gamma, (1, 1, channels, 1)), beta]


def _first(block: str, names: set[str]) -> str:
    """The first layer of a block's branch after its activation."""
    return f"{block}_1_pad" if f"{block}_1_pad" in names else f"{block}_1_conv"


def _layer(model: keras.Model, name: str, advice: str) -> keras.Layer:
    found = [layer for layer in model.layers if layer.name == name]
    if not found:
        raise InputError(f"{model.name} has no layer {name!r}: {advice}.")
    return found[0]
