"""The layers of a residual network, with our defaults.

Every function takes and returns a tensor of images, `(batch, height, width, channels)` or channels
first if Keras is set so; `rules` is a row of `spec.CONVENTIONS`, `name` the prefix of layer names.
"""

from collections.abc import Callable
from functools import partial

import keras
from keras import layers

from keras_resnet.errors import InputError
from keras_resnet.spec import Convention


def channel_axis() -> int:
    """The axis of the channels in a batch of images, by Keras's `image_data_format`."""
    return 1 if keras.config.image_data_format() == "channels_first" else 3


def batch_norm(x, rules: Convention, name: str):
    """Batch normalisation over the channels."""
    return layers.BatchNormalization(
        axis=channel_axis(), momentum=rules.momentum, epsilon=rules.epsilon, name=name
    )(x)


def relu(x, rules: Convention, name: str):
    """Rectification."""
    return layers.Activation("relu", name=name)(x)


OPS = {"bn": batch_norm, "relu": relu}


def run(ops: str, x, rules: Convention, name: str, out: str | None = None):
    """Applies a space-separated list of `OPS`, named `NAME_OP`; the last may be called `out`."""
    names = [f"{name}_{op}" for op in ops.split()]
    if names and out:
        names[-1] = out
    for op, op_name in zip(ops.split(), names, strict=True):
        x = OPS[op](x, rules, op_name)
    return x


def conv(x, filters: int, kernel: int, stride: int, then: str, rules: Convention, name: str):
    """A convolution to `filters` channels, and the operations `then` that follow it.

    A side of n pixels becomes ceil(n / stride). Padding is symmetric as in the papers' code: under
    a stride TensorFlow's "same" is not, so an explicit padding layer comes first. Kernels are
    initialised with He's method ("Delving Deep into Rectifiers", 2015, 2.2).
    """
    explicit = kernel > 1 and (stride > 1 or rules.pad_always)
    if explicit:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="valid" if explicit else "same",
        use_bias=rules.bias_before_bn if "bn" in then else rules.bias_elsewhere,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return run(then, x, rules, name)


def pool(x, name: str):
    """The stem's 3x3 max pooling of stride 2, padded with zeros as in keras.applications."""
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(x)


def subsample(x, stride: int, name: str):
    """The identity, or every `stride`-th pixel of it."""
    return x if stride == 1 else layers.MaxPooling2D(1, strides=stride, name=f"{name}_pool")(x)


def pad_channels(x, filters: int, stride: int, then: str, rules: Convention, name: str):
    """Every `stride`-th pixel, with channels of zeros appended up to `filters` (option A).

    `ZeroPadding2D` pads two axes of space; told the other data format, it pads the channels.

    Raises:
        InputError: if `filters` is less than the channels of `x`, which option A cannot do.
    """
    more = filters - x.shape[channel_axis()]
    if more < 0:
        raise InputError(f"shortcut A cannot drop {-more} channels at {name}: use B or C.")
    last = channel_axis() == 3
    return layers.ZeroPadding2D(
        ((0, 0), (0, more)) if last else ((0, more), (0, 0)),
        data_format="channels_first" if last else "channels_last",
        name=f"{name}_pad",
    )(subsample(x, stride, name))


def project(x, filters: int, stride: int, then: str, rules: Convention, name: str):
    """A 1x1 convolution, normalised where the residual branch is."""
    return conv(x, filters, 1, stride, "bn" if "bn" in then else "", rules, name)


def widen(change, raw, active, filters: int, stride: int, then: str, rules: Convention, name: str):
    """The identity of `raw`, or `change` of `active` where the number of channels changes."""
    if raw.shape[channel_axis()] == filters:
        return subsample(raw, stride, name)
    return change(active, filters, stride, then, rules, name)


# Each: (raw, active, filters, stride, then, rules, name) -> tensor, or None for no shortcut. `raw`
# is the unit's input, `active` what its first convolution sees: projections take the latter, as in
# resnet-1k-layers. `then` is what follows the last convolution of the branch.
SHORTCUTS: dict[str, Callable] = {
    "A": partial(widen, pad_channels),
    "B": partial(widen, project),
    "C": lambda raw, active, *rest: project(active, *rest),
    "none": lambda *_: None,
}
