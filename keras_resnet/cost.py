"""What a network costs, from its `Spec` alone: nothing is built, so a search can ask for millions.

This file needs the standard library only.
"""

from collections.abc import Iterator
from typing import NamedTuple

from keras_resnet.parts import CONVENTIONS, ORDERS, SHORTCUTS, STEMS, UNITS
from keras_resnet.spec import Spec


class Convolution(NamedTuple):
    """A convolution as it runs in a network."""

    inputs: int
    outputs: int
    kernel: int
    size: tuple[int, ...]  # of its output: rows and columns
    then: str  # the operations that follow it
    normalised: bool  # whether a batch normalisation of its outputs belongs to it


def convolutions(spec: Spec) -> Iterator[Convolution]:
    """Every convolution of a network on images of `spec.input_shape`, projections included.

    Between two convolutions of the main path there is one normalisation, in every order.
    """
    stem, leave = STEMS[spec.stem], ORDERS[spec.order].leave
    *sides, inputs = spec.input_shape
    size = _shrink(sides, stem.stride)
    ending = f"{leave} {ORDERS[spec.order].after}"
    outputs = spec.stem_width
    yield Convolution(inputs, outputs, stem.kernel, size, ending, True)
    size = _shrink(size, 2 if stem.pool else 1)
    for stage, units in enumerate(spec.units):
        for index in range(units):
            entered = outputs
            for conv in spec.branch(stage, index):
                inputs, outputs, size = outputs, conv.filters, _shrink(size, conv.stride)
                yield Convolution(inputs, outputs, conv.kernel, size, conv.then, True)
            option = SHORTCUTS[spec.shortcut]
            if (option.same if entered == outputs else option.change) == "project":
                yield Convolution(entered, outputs, 1, size, leave, "bn" in leave)


def macs(spec: Spec) -> int:
    """Multiply-accumulates of all convolutions and the head, for one image.

    This is what the papers call FLOPs (He et al. 2015, Table 1). Padding counts, as is usual.
    """
    products = (
        c.kernel**2 * c.inputs * c.outputs * c.size[0] * c.size[1] for c in convolutions(spec)
    )
    return sum(products) + features(spec) * spec.classes


def parameters(spec: Spec, trainable: bool = True) -> int:
    """The number of parameters.

    Args:
        spec: The network.
        trainable: Whether to count only what training changes, as the papers do; otherwise with
            the moving statistics of batch normalisation, as keras.io does.
    """
    rules = CONVENTIONS[spec.convention]
    total = (features(spec) + 1) * spec.classes
    for conv in convolutions(spec):
        bias = rules.bias_before_bn if "bn" in conv.then else rules.bias_elsewhere
        statistics = (2 if trainable else 4) if conv.normalised else 0
        total += (conv.kernel**2 * conv.inputs + bias + statistics) * conv.outputs
    return total


def _shrink(size, stride: int) -> tuple[int, ...]:
    return tuple(-(-side // stride) for side in size)


def features(spec: Spec) -> int:
    """How many channels the last stage gives to the head."""
    return spec.width(len(spec.units) - 1) * UNITS[spec.unit].expansion
