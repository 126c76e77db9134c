"""Parameters and multiply-accumulates of a `Spec`, without building it.

Standard library only.
"""

from collections.abc import Iterator
from typing import NamedTuple

from keras_resnet.spec.blocks import (
    ACTIVATION_ORDERS,
    BLOCKS,
    PROJECTIONS,
    SHORTCUTS,
    STEMS,
    VARIANTS,
    Ops,
    has_bn,
)
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import check_type


class CountedConv(NamedTuple):
    """A convolution as it runs in a network."""

    inputs: int
    outputs: int
    kernel: int
    size: tuple[int, ...]  # of its output: rows and columns
    then: Ops  # the operations that follow it
    normalized: bool  # whether a batch normalization of its outputs belongs to it
    stage: int = 0  # from 1; 0 is the stem
    biased: bool = False  # whether it has a bias in every variant

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return self.kernel**2 * self.inputs * self.outputs * self.size[0] * self.size[1]


def convolutions(spec: Spec) -> Iterator[CountedConv]:
    """Every convolution of a network on images of `spec.input_shape`, projections included.

    Between two convolutions of the main path there is one batch normalization, in every order.
    """
    leave = ACTIVATION_ORDERS[spec.activation_order].leave
    outputs = spec.input_shape[2]
    size: tuple[int, ...] = spec.input_shape[:2]
    for conv in spec.stem_convs():
        inputs, outputs, size = outputs, conv.filters, _shrink(size, conv.stride)
        yield CountedConv(inputs, outputs, conv.kernel, size, conv.then, True)
    size = _shrink(size, 2 if STEMS[spec.stem].pool else 1)
    for stage, blocks in enumerate(spec.blocks):
        for index in range(blocks):
            entered = outputs
            for conv in spec.branch(stage, index):
                inputs, outputs, size = outputs, conv.filters, _shrink(size, conv.stride)
                row = inputs, outputs, conv.kernel, size, conv.then, True
                yield CountedConv(*row, stage + 1)
            option = SHORTCUTS[spec.shortcut]
            if (option.same if entered == outputs else option.change) in PROJECTIONS:
                row = entered, outputs, 1, size, leave, has_bn(leave)
                yield CountedConv(*row, stage + 1)
            if option.gated:
                yield CountedConv(entered, outputs, 1, size, (), False, stage + 1, biased=True)


def macs(spec: Spec) -> int:
    """Multiply-accumulates of all convolutions and the head, for one image.

    This is what the papers call FLOPs (He et al. 2015, Table 1). Padding counts, as is usual.

    Raises:
        TypeError: if it is no `Spec`.
    """
    check_type("spec", spec, Spec, "a keras_resnet.Spec")
    return sum(conv.macs for conv in convolutions(spec)) + features(spec) * spec.classes


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
    inside = sum(conv_parameters(spec, conv, trainable) for conv in convolutions(spec))
    return inside + (features(spec) + 1) * spec.classes


def conv_parameters(spec: Spec, conv: CountedConv, trainable: bool = True) -> int:
    """The parameters of a convolution of a network, with its batch normalization's."""
    bias = VARIANTS[spec.variant].has_bias(conv.then)
    statistics = (2 if trainable else 4) if conv.normalized else 0
    return (conv.kernel**2 * conv.inputs + (bias or conv.biased) + statistics) * conv.outputs


def _shrink(size, stride: int) -> tuple[int, ...]:
    return tuple(-(-side // stride) for side in size)


def features(spec: Spec) -> int:
    """Channels that the last stage gives to the head."""
    return spec.width(len(spec.blocks) - 1) * BLOCKS[spec.block].expansion
