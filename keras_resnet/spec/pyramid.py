"""The feature maps of a network's stages, without building it. Standard library only."""

from typing import NamedTuple

from keras_resnet.spec.blocks import BLOCKS
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import check_type


class Level(NamedTuple):
    """A feature map of `keras_resnet.feature_pyramid`."""

    name: str  # its key there: "C2" is what conv2_x gives
    stride: int  # input pixels per pixel: n of them become ceil(n / stride)
    channels: int


def pyramid_levels(spec: Spec) -> tuple[Level, ...]:
    """The levels of a network's feature pyramid, from the finest on.

    A map is what the block takes that halves the image, or would without dilation: in Keras's v2
    that is the last block of a stage, elsewhere the first of the next.

    Raises:
        TypeError: if it is no `Spec`.
    """
    check_type("spec", spec, Spec, "a keras_resnet.Spec")
    maps, channels = [], spec.stem_width
    for stage, index in ((s, i) for s, n in enumerate(spec.blocks) for i in range(n)):
        before, after = spec.block_strides(stage, index)
        if before < after:
            maps.append((before, channels))
        channels = spec.width(stage) * BLOCKS[spec.block].expansion
    maps.append((spec.stride, channels))
    return tuple(
        Level(f"C{number}", min(stride, spec.stride), channels)
        for number, (stride, channels) in enumerate(maps, 2)
    )
