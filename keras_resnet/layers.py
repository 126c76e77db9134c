"""The layers of a residual network, with our defaults.

Every function takes and returns a tensor of images, `(batch, height, width, channels)` or channels
first if Keras is set so; `variant` is a row of `blocks.VARIANTS`, `name` the prefix of layer names.
"""

from collections.abc import Callable

import keras
from keras import layers

from keras_resnet.spec.blocks import BN, Ops, Shortcut, Variant, has_bn


def channel_axis() -> int:
    """The axis of the channels in a batch of images, by Keras's `image_data_format`."""
    return 1 if keras.config.image_data_format() == "channels_first" else 3


def set_weights(layer: keras.Layer, weights: list) -> None:
    """Gives a layer weights; `Normalization` computes with what it makes of them when told so."""
    layer.set_weights(weights)
    if weights and isinstance(layer, layers.Normalization):
        layer.finalize_state()


def batch_norm(x, variant: Variant, name: str, gamma: str = "ones"):
    """Batch normalization over the channels; the scale is initialized to `gamma`."""
    return layers.BatchNormalization(
        axis=channel_axis(),
        momentum=variant.momentum,
        epsilon=variant.epsilon,
        gamma_initializer=gamma,
        name=name,
    )(x)


def relu(x, variant: Variant, name: str):
    """ReLU."""
    return layers.Activation("relu", name=name)(x)


def dropout(x, variant: Variant, name: str, rate: float):
    """Dropout."""
    return layers.Dropout(rate, name=name)(x)


def drop_path(x, variant: Variant, name: str, rate: float):
    """Stochastic depth: drops the branch of whole images, and scales up the remaining ones."""
    return layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=name)(x)


OPS: dict[str, Callable] = {
    "bn": batch_norm,
    "relu": relu,
    "dropout": dropout,
    "drop_path": drop_path,
}


def apply_ops(ops: Ops, x, variant: Variant, name: str, out: str | None = None):
    """Applies operations in order, as layers `NAME_KIND`; the last may be named `out` instead."""
    names = [f"{name}_{op.kind}" for op in ops]
    if names and out:
        names[-1] = out
    for (kind, setting), op_name in zip(ops, names, strict=True):
        settings = () if setting is None else (setting,)
        x = OPS[kind](x, variant, op_name, *settings)
    return x


def conv(
    x, filters: int, kernel: int, stride: int, dilation: int, then: Ops, variant: Variant, name: str
):
    """A convolution to `filters` channels, and the operations `then` that follow it.

    A side of n pixels becomes ceil(n / stride). Padding is symmetric as in the papers' code: under
    a stride TensorFlow's "same" is not, so an explicit padding layer comes first. Kernels are
    initialized by He's method ("Delving Deep into Rectifiers", 2015, 2.2).
    """
    explicit = kernel > 1 and (stride > 1 or variant.pad_always)
    if explicit:
        x = layers.ZeroPadding2D(kernel // 2 * dilation, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        dilation_rate=dilation,
        padding="valid" if explicit or kernel == 1 else "same",
        use_bias=variant.has_bias(then),
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return apply_ops(then, x, variant, name)


def pool_zeros(x, name: str):
    """3x3 max pooling of stride 2, padded with zeros: exact after a ReLU, else zeros win.

    As in keras.applications, where the layers are named so.
    """
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(x)


def pool_minus_infinity(x, name: str):
    """3x3 max pooling of stride 2, padded symmetrically with minus infinity, as in Torch.

    Under a stride "same" pads even sizes unevenly, so the stride comes after.
    """
    x = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_max")(x)
    return layers.MaxPooling2D(1, strides=2, name=f"{name}_pool")(x)


POOLS = {"zeros": pool_zeros, "minus_infinity": pool_minus_infinity}


# The paths beside the residual branch. Each: (raw, active, filters, stride, then, variant, name) ->
# tensor, or None. `raw` is the block's input, `active` what its first convolution sees: projections
# take the latter, as in resnet-1k-layers. `then` follows the last convolution of the branch.


def identity(raw, active, filters: int, stride: int, then: Ops, variant: Variant, name: str):
    """The block's input, or every `stride`-th pixel of it."""
    if stride == 1:
        return raw
    return layers.MaxPooling2D(1, strides=stride, name=f"{name}_pool")(raw)


def pad(raw, active, filters: int, stride: int, then: Ops, variant: Variant, name: str):
    """Every `stride`-th pixel, with channels of zeros appended up to `filters` (option A).

    `ZeroPadding2D` pads two axes of space; told the other data format, it pads the channels.
    """
    more = filters - active.shape[channel_axis()]
    last = channel_axis() == 3
    return layers.ZeroPadding2D(
        ((0, 0), (0, more)) if last else ((0, more), (0, 0)),
        data_format="channels_first" if last else "channels_last",
        name=f"{name}_pad",
    )(identity(active, active, filters, stride, then, variant, name))


def project(raw, active, filters: int, stride: int, then: Ops, variant: Variant, name: str):
    """A 1x1 convolution, batch-normalized where the residual branch is (option B)."""
    return conv(active, filters, 1, stride, 1, (BN,) if has_bn(then) else (), variant, name)


def pool_project(raw, active, filters: int, stride: int, then: Ops, variant: Variant, name: str):
    """The mean of what a stride skips, then a 1x1 convolution (ResNet-D).

    At an odd side the mean is of the pixels that are there, as in timm.
    """
    if stride > 1:
        pool = layers.AveragePooling2D(stride, padding="same", name=f"{name}_pool")
        active = pool(active)
    return project(raw, active, filters, 1, then, variant, name)


PATHS: dict[str, Callable] = {
    "identity": identity,
    "pad": pad,
    "project": project,
    "pool_project": pool_project,
    "none": lambda *_: None,
}


# What becomes of the shortcut and the branch before they are added (Identity Mappings, Table 1).
# Each: (skip, branch, active, stride, name=) -> both.

GATE_BIAS = -6.0  # the best of 0 to -10 there, for exclusive and for shortcut-only gating
SHORTCUT_DROPOUT = 0.5  # there


def _gate(skip, active, stride: int, name: str):
    """g(x), for each pixel and channel 0 to 1, and 1 - g(x)."""
    gate = layers.Conv2D(
        skip.shape[channel_axis()],
        1,
        strides=stride,
        activation="sigmoid",
        kernel_initializer="he_normal",
        bias_initializer=keras.initializers.Constant(GATE_BIAS),
        name=f"{name}_gate_conv",
    )(active)
    return gate, layers.Rescaling(-1.0, 1.0, name=f"{name}_carry")(gate)


def gate(skip, branch, active, stride: int, *, name: str):
    """Exclusive gating: the branch times g(x), the shortcut times 1 - g(x)."""
    transform, carry = _gate(skip, active, stride, name)
    return _times(skip, carry, f"{name}_0"), _times(branch, transform, f"{name}_branch")


def gate_shortcut(skip, branch, active, stride: int, *, name: str):
    """Shortcut-only gating: the shortcut times 1 - g(x)."""
    return _times(skip, _gate(skip, active, stride, name)[1], f"{name}_0"), branch


def _times(x, factor, name: str):
    return layers.Multiply(name=f"{name}_gated")([x, factor])


def half(x, name: str, part: str = "0"):
    """Half of it."""
    return layers.Rescaling(0.5, name=f"{name}_{part}_half")(x)


def drop_shortcut(skip, branch, *_, name: str):
    """Dropout on the shortcut."""
    return layers.Dropout(SHORTCUT_DROPOUT, name=f"{name}_0_dropout")(skip), branch


WEIGHINGS: dict[str, Callable] = {
    "alike": lambda skip, branch, *_, name: (skip, branch),
    "halve": lambda skip, branch, *_, name: (half(skip, name), half(branch, name, "branch")),
    "halve_shortcut": lambda skip, branch, *_, name: (half(skip, name), branch),
    "gate": gate,
    "gate_shortcut": gate_shortcut,
    "drop_shortcut": drop_shortcut,
}  # fmt: skip


def shortcut(option: Shortcut, raw, active, filters: int, *rest):
    """The path that a shortcut option takes: another where the number of channels changes."""
    same = raw.shape[channel_axis()] == filters
    return PATHS[option.same if same else option.change](raw, active, filters, *rest)
