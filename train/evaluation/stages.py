"""What each stage of a residual network costs, and how much of the image it sees. No Keras."""

from collections.abc import Iterator
from typing import NamedTuple

from keras_resnet.spec import Spec
from keras_resnet.spec.blocks import STEMS
from keras_resnet.spec.cost import conv_parameters, convolutions, features


class Stage(NamedTuple):
    """A part of a network, from the image to the classes."""

    name: str
    blocks: int  # residual blocks; 0 for stem and head
    size: tuple[int, ...]  # of the output: rows and columns
    channels: int  # of the output; classes for the head
    parameters: int  # trainable ones
    macs: int  # multiply-accumulates for one image
    field: int | None  # side of the square of pixels that an output sees; all for the head


def stages(spec: Spec) -> list[Stage]:
    """The stem, the stages and the head of a network; they add up to the whole."""
    rows, field, jump = [], 1, 1
    for number, blocks in enumerate((0, *spec.blocks)):
        for kernel, stride in _path(spec, number):
            field, jump = field + (kernel - 1) * jump, jump * stride
        convs = [conv for conv in convolutions(spec) if conv.stage == number]
        rows.append(
            Stage(
                name=f"stage {number}" if number else "stem",
                blocks=blocks,
                size=tuple(-(-side // jump) for side in spec.input_shape[:2]),
                channels=convs[-1].outputs,
                parameters=sum(conv_parameters(spec, conv) for conv in convs),
                macs=sum(conv.macs for conv in convs),
                field=field,
            )
        )
    weights = features(spec) * spec.classes
    return [*rows, Stage("head", 0, (1, 1), spec.classes, weights + spec.classes, weights, None)]


def _path(spec: Spec, number: int) -> Iterator[tuple[int, int]]:
    """Extent and stride of all kernels that an output has passed in a stage; 0 is the stem."""
    if number:
        for block in range(spec.blocks[number - 1]):
            for conv in spec.branch(number - 1, block):
                yield (conv.kernel - 1) * conv.dilation + 1, conv.stride
        return
    for conv in spec.stem_convs():
        yield conv.kernel, conv.stride
    if STEMS[spec.stem].pool:
        yield 3, 2
