"""Parameters and multiply-accumulates of a `Spec`, without building it.

Standard library only.
"""

from collections.abc import Iterator
from typing import NamedTuple

from keras_resnet.spec.blocks import (
    ACTIVATION_ORDERS,
    BLOCKS,
    SHORTCUTS,
    STEMS,
    VARIANTS,
    Ops,
    has_bn,
)
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import check_type


class Convolution(NamedTuple):
    """A convolution as it runs in a network."""

    inputs: int
    outputs: int
    kernel: int
    size: tuple[int, ...]  # of its output: rows and columns
    then: Ops  # the operations that follow it
    normalized: bool  # whether a batch normalization of its outputs belongs to it


def convolutions(spec: Spec) -> Iterator[Convolution]:
    """Every convolution of a network on images of `spec.input_shape`, projections included.

    Between two convolutions of the main path there is one batch normalization, in every order.
    """
    stem, leave = STEMS[spec.stem], ACTIVATION_ORDERS[spec.activation_order].leave
    *sides, inputs = spec.input_shape
    size = _shrink(sides, stem.stride)
    ending = leave + ACTIVATION_ORDERS[spec.activation_order].after
    outputs = spec.stem_width
    yield Convolution(inputs, outputs, stem.kernel, size, ending, True)
    size = _shrink(size, 2 if stem.pool else 1)
    for stage, blocks in enumerate(spec.blocks):
        for index in range(blocks):
            entered = outputs
            for conv in spec.branch(stage, index):
                inputs, outputs, size = outputs, conv.filters, _shrink(size, conv.stride)
                yield Convolution(inputs, outputs, conv.kernel, size, conv.then, True)
            option = SHORTCUTS[spec.shortcut]
            if (option.same if entered == outputs else option.change) == "project":
                yield Convolution(entered, outputs, 1, size, leave, has_bn(leave))


def macs(spec: Spec) -> int:
    """Multiply-accumulates of all convolutions and the head, for one image.

    This is what the papers call FLOPs (He et al. 2015, Table 1). Padding counts, as is usual.

    Raises:
        TypeError: if it is no `Spec`.
    """
    check_type("spec", spec, Spec, "a keras_resnet.Spec")
    products = (
        c.kernel**2 * c.inputs * c.outputs * c.size[0] * c.size[1] for c in convolutions(spec)
    )
    return sum(products) + features(spec) * spec.classes


def parameters(spec: Spec, trainable: bool = True) -> int:
    """The number of parameters.

    Args:
        spec: The network.
        trainable: Whether to count trainable parameters only, as the papers do; else with the
            moving statistics of batch normalization, as keras.io does.

    Raises:
        TypeError: if `spec` is no `Spec`.
    """
    check_type("spec", spec, Spec, "a keras_resnet.Spec")
    variant = VARIANTS[spec.variant]
    total = (features(spec) + 1) * spec.classes
    for conv in convolutions(spec):
        bias = variant.bias_before_bn if has_bn(conv.then) else variant.bias_elsewhere
        statistics = (2 if trainable else 4) if conv.normalized else 0
        total += (conv.kernel**2 * conv.inputs + bias + statistics) * conv.outputs
    return total


def _shrink(size, stride: int) -> tuple[int, ...]:
    return tuple(-(-side // stride) for side in size)


def features(spec: Spec) -> int:
    """Channels that the last stage gives to the head."""
    return spec.width(len(spec.blocks) - 1) * BLOCKS[spec.block].expansion
