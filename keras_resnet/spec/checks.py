"""What the fields of a `Spec` must have in common. Standard library only."""

from itertools import pairwise
from typing import TYPE_CHECKING

from keras_resnet.spec.blocks import ACTIVATION_ORDERS, BLOCKS, SHORTCUTS, has_bn
from keras_resnet.spec.config import MOST_STAGES, check_image_shape
from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.utils.fields import MOST

if TYPE_CHECKING:
    from keras_resnet.spec.spec import Spec


def check_stages(spec: "Spec") -> None:
    """Checks that blocks and widths are of the same stages, and that these are not too many."""
    if not 1 <= len(spec.blocks) == len(spec.widths) <= MOST_STAGES:
        raise InputError(
            f"blocks {shorten(spec.blocks)} and widths {shorten(spec.widths)} must have one "
            f"entry for each of 1 to {MOST_STAGES} stages."
        )


def check_images(spec: "Spec") -> None:
    """Checks the number of sides, and the size, of images."""
    check_image_shape(spec.input_shape)


def check_weights(spec: "Spec") -> None:
    """Checks that there are not more weights than TensorFlow numbers.

    There are these at least: every block has a 3x3 convolution, and the head is dense.
    """
    widths = [spec.width(stage) for stage in range(len(spec.blocks))]
    weights = sum(9 * n * width**2 for n, width in zip(spec.blocks, widths, strict=True))
    weights += widths[-1] * BLOCKS[spec.block].expansion * spec.classes
    if weights > MOST:
        raise InputError(
            f"blocks {spec.blocks} of widths {spec.widths} have {weights:,} parameters or "
            f"more, and a network has at most {MOST:,}: choose fewer or narrower ones."
        )


def check_padding(spec: "Spec") -> None:
    """Checks that no stage is narrower than the one before, if shortcuts pad with zeros."""
    outputs = [
        spec.width(stage) * BLOCKS[spec.block].expansion for stage in range(len(spec.blocks))
    ]
    for before, after in pairwise([spec.stem_width, *outputs]):
        if after < before and SHORTCUTS[spec.shortcut].change == "pad":
            raise InputError(
                f"shortcut {spec.shortcut} cannot go from {before} to {after} channels, as it "
                "only adds some: use B or C."
            )


def check_output_stride(spec: "Spec") -> None:
    """Checks that the strides of the last stages can be left out to reach `output_stride`.

    The second stage keeps its stride, as in DeepLab and timm.
    """
    last = len(spec.blocks) - 1
    legal = [spec.stage_stride(stage) for stage in range(min(1, last), last + 1)]
    if spec.output_stride not in (0, *legal):
        raise InputError(
            f"output_stride must be {', '.join(map(str, legal))}, or 0 for the network's own, "
            f"with blocks {spec.blocks} and stem {spec.stem!r}; got {spec.output_stride}."
        )


def check_pooling(spec: "Spec") -> None:
    """Checks that no stride is left out that shortcuts would average over."""
    if spec.output_stride not in (0, spec.stage_stride(len(spec.blocks) - 1)) and (
        SHORTCUTS[spec.shortcut].change == "pool_project"
    ):
        raise InputError(
            f"output_stride {spec.output_stride} leaves strides out, and shortcut "
            f"{spec.shortcut} averages what these skip: use B or C."
        )


def check_zero_gamma(spec: "Spec") -> None:
    """Checks that a branch ends in the batch normalization that is to begin at zero."""
    if spec.zero_gamma and not has_bn(ACTIVATION_ORDERS[spec.activation_order].leave):
        raise InputError(
            "zero_gamma needs a batch normalization at the end of the residual branch, and "
            f"activation_order {spec.activation_order!r} has none: use original, "
            "relu_before_add or relu_only_preact."
        )


def check_stochastic_depth(spec: "Spec") -> None:
    """Checks that something remains where a branch is dropped."""
    if spec.stochastic_depth and spec.shortcut == "none":
        raise InputError(
            "stochastic_depth drops residual branches, and with shortcut 'none' nothing "
            "would remain: use A, B or C."
        )


# Each raises an `InputError`. In this order, as later ones rely on the stages.
CHECKS = (
    check_stages,
    check_images,
    check_weights,
    check_padding,
    check_output_stride,
    check_pooling,
    check_zero_gamma,
    check_stochastic_depth,
)
