"""Networks that are a chain of convolutions, then dense layers: AlexNet and VGG; their costs."""

from typing import NamedTuple, Protocol

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import MOST

PADDING = 2  # pixels on each side under a stride, which make AlexNet's 55 of 224


class ChainConv(NamedTuple):
    """A convolution with ReLU in a chain of such, and what follows it."""

    name: str
    filters: int
    kernel: int
    stride: int = 1
    groups: int = 1
    normalize: bool = False  # local response normalization
    pool: int = 0  # side of max pooling of stride 2; 3 is padded by a pixel at the end; 0 is none

    def side(self, side: int) -> int:
        """The side of what it makes of an image, before pooling; without a stride the same."""
        if self.stride == 1:
            return side
        return (side + 2 * PADDING - self.kernel) // self.stride + 1

    def pooled(self, side: int) -> int:
        """The side after pooling."""
        return side // 2 if self.pool else side


class Chain(Protocol):
    """A network of convolutions and dense layers one after the other."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""

    @property
    def classes(self) -> int:
        """Number of classes."""

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the dense layers between the convolutions and the classes."""

    @property
    def batch_norm(self) -> bool:
        """Whether each convolution is batch-normalized."""

    def convolutions(self) -> list[ChainConv]:
        """The convolutions in order."""


def chain_cost(spec: Chain) -> tuple[int, int]:
    """The trainable parameters of a chain, and its multiply-accumulates for an image."""
    height, width, channels = spec.input_shape
    parameters = macs = 0
    for row in spec.convolutions():
        height, width = row.side(height), row.side(width)
        kernel = row.kernel**2 * (channels // row.groups) * row.filters
        parameters += kernel + row.filters * (3 if spec.batch_norm else 1)
        macs += kernel * height * width
        height, width, channels = row.pooled(height), row.pooled(width), row.filters
    units = height * width * channels
    for count in (*spec.hidden, spec.classes):
        parameters, macs, units = parameters + (units + 1) * count, macs + units * count, count
    return parameters, macs


def chain_parameters(spec: Chain) -> int:
    """The trainable parameters of a chain."""
    return chain_cost(spec)[0]


def chain_macs(spec: Chain) -> int:
    """The multiply-accumulates of a chain for an image."""
    return chain_cost(spec)[1]


def check_weights(spec: Chain) -> None:
    """Raises an `InputError` if a chain has more weights than TensorFlow numbers."""
    if (weights := chain_parameters(spec)) > MOST:
        raise InputError(
            f"this network has {weights:,} parameters for images {spec.input_shape}, and a "
            f"network has at most {MOST:,}: choose smaller layers or images."
        )
