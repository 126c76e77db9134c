"""GoogLeNet: nine inception modules, and two more heads while training (Szegedy et al. 2015).

Layers have the names of Caffe's: `inception_3a_5x5_reduce` and so on.
"""

import keras
from keras import layers

from keras_resnet.assembly import assemble, predictions
from keras_resnet.comparison.layers import (
    INITIALIZER,
    convolution,
    local_response_norm,
    max_pool,
    normalized_relu,
)
from keras_resnet.layers import channel_axis
from keras_resnet.spec.comparison import GoogLeNetSpec
from keras_resnet.spec.comparison.googlenet import MODULES, STEMS, Inception
from keras_resnet.utils.errors import InputError

AUXILIARY = {"aux1": "4a", "aux2": "4d"}  # by name of the head, the module that it looks at
AUXILIARY_WIDTHS = 128, 1024  # of their convolution and their dense layer (section 5)
AUXILIARY_DROPOUT = 0.7
EPSILON = 1e-3  # of batch normalization, in torchvision


def build(spec: GoogLeNetSpec, **arguments) -> keras.Model:
    """Builds the network; the arguments, the result and the errors are those of `ResNet`."""
    return assemble(spec, features, classifier, **arguments)


def features(x, spec: GoogLeNetSpec):
    """The stem and the nine modules, whose last concatenation is `inception_5b`."""
    stem = STEMS[spec.stem]
    for number, (filters, kernel, stride) in enumerate(stem.kernels, 1):
        x = unit(x, spec, filters, kernel, f"conv{number}", stride)
        # Normalized after the first pooling, and before the second.
        pool = number in stem.pools
        if pool and number == 1:
            x = max_pool(x, 3, "pool1")
        if pool and not spec.batch_norm:
            x = local_response_norm(x, f"conv{number}_lrn")
        if pool and number > 1:
            x = max_pool(x, 3, "pool2")
    for name, row in MODULES.items():
        if name in ("4a", "5a"):
            size = 3 if name == "4a" else spec.last_pool
            x = max_pool(x, size, f"pool{int(name[0]) - 1}")
        x = inception(x, spec, row, f"inception_{name}")
    return x


def inception(x, spec: GoogLeNetSpec, row: Inception, name: str):
    """A module: four branches from the same input, one after the other as channels."""
    three = unit(x, spec, row.three_reduce, 1, f"{name}_3x3_reduce")
    five = unit(x, spec, row.five_reduce, 1, f"{name}_5x5_reduce")
    pool = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    branches = [
        unit(x, spec, row.one, 1, f"{name}_1x1"),
        unit(three, spec, row.three, 3, f"{name}_3x3"),
        unit(five, spec, row.five, spec.third_kernel, f"{name}_5x5"),
        unit(pool, spec, row.pool, 1, f"{name}_pool_proj"),
    ]
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def unit(x, spec: GoogLeNetSpec, channels: int, kernel: int, name: str, stride: int = 1):
    """A convolution with ReLU, and batch normalization instead of a bias if the spec says so."""
    if stride > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    width = spec.width(channels)
    if not spec.batch_norm:
        return convolution(x, width, kernel, name, stride, activation="relu")
    x = convolution(x, width, kernel, name, stride, use_bias=False)
    return normalized_relu(x, EPSILON, name)


def classifier(x, spec: GoogLeNetSpec, classes: int, activation):
    """Average pooling, dropout, and the classes."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(spec.dropout, name="dropout")(x)
    return predictions(x, classes, activation)


def auxiliary_heads(spec: GoogLeNetSpec, model: keras.Model) -> list[tuple[float, object]]:
    """The two more heads (section 5), for training.

    Args:
        spec: The network.
        model: What `build` made of it.

    Returns:
        For each its share in the loss, and a tensor of logits `(batch, classes)`.

    Raises:
        InputError: if the model takes images of any size: unlike its own head, these flatten maps.
    """
    if not spec.auxiliary:
        return []
    if None in model.input_shape[1:]:
        raise InputError(
            f"auxiliary heads flatten maps of one size, and images are {model.input_shape[1:]}: "
            "build the network for one size, or without these heads, with auxiliary=0."
        )
    classes = model.output_shape[-1]
    modules = {name: f"inception_{module}" for name, module in AUXILIARY.items()}
    return [
        (spec.auxiliary, auxiliary_head(model.get_layer(module).output, spec, name, classes))
        for name, module in modules.items()
    ]


def auxiliary_head(x, spec: GoogLeNetSpec, name: str, classes: int):
    """Average pooling, a 1x1 convolution, a dense layer, dropout, and the logits."""
    channels, units = map(spec.width, AUXILIARY_WIDTHS)
    sides = x.shape[2:] if channel_axis() == 1 else x.shape[1:3]
    size = [min(5, side) for side in sides]  # smaller than the paper's for small images
    x = layers.AveragePooling2D(size, strides=3, name=f"{name}_pool")(x)
    x = unit(x, spec, channels, 1, f"{name}_conv")
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(units, "relu", kernel_initializer=INITIALIZER, name=f"{name}_fc1")(x)
    x = layers.Dropout(AUXILIARY_DROPOUT, name=f"{name}_dropout")(x)
    return predictions(x, classes, None, name=f"{name}_fc2")
