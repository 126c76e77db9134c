"""GoogLeNet as data."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from keras_resnet.spec.comparison.network import Network
from keras_resnet.spec.config import classes_field, image_field
from keras_resnet.utils.fields import option


class GoogLeNetStem(NamedTuple):
    """What comes before the first inception module."""

    kernels: tuple[tuple[int, int, int], ...]  # channels, side and stride of each convolution
    pools: tuple[int, ...]  # numbers of the convolutions before 3x3 max pooling of stride 2
    reduction: int  # pixels of the image for one of the first module


STEMS = {
    # Szegedy et al. 2015, table 1.
    "imagenet": GoogLeNetStem(((64, 7, 2), (64, 1, 1), (192, 3, 1)), (1, 3), 8),
    # As in kuangliu/pytorch-cifar, for 32x32.
    "cifar": GoogLeNetStem(((192, 3, 1),), (), 1),
}


class Inception(NamedTuple):
    """The channels of a module's convolutions (Szegedy et al. 2015, table 1)."""

    one: int  # 1x1
    three_reduce: int
    three: int  # 3x3
    five_reduce: int
    five: int  # 5x5
    pool: int  # 1x1 after pooling


MODULES = {
    "3a": Inception(64, 96, 128, 16, 32, 32),
    "3b": Inception(128, 128, 192, 32, 96, 64),
    "4a": Inception(192, 96, 208, 16, 48, 64),
    "4b": Inception(160, 112, 224, 24, 64, 64),
    "4c": Inception(128, 128, 256, 24, 64, 64),
    "4d": Inception(112, 144, 288, 32, 64, 64),
    "4e": Inception(256, 160, 320, 32, 128, 128),
    "5a": Inception(256, 160, 320, 32, 128, 128),
    "5b": Inception(384, 192, 384, 48, 128, 128),
}


@dataclass(frozen=True)
class GoogLeNetSpec(Network):
    """GoogLeNet (Szegedy et al. 2015, "Going deeper with convolutions", table 1)."""

    any_size: ClassVar[bool] = True

    stem: str = option("imagenet", "what precedes the inception modules", choices=STEMS)
    batch_norm: bool = option(
        False, "batch normalization after each convolution, in place of biases and the paper's "
        "local response normalization",
    )  # fmt: skip
    third_kernel: int = option(
        5, "side of the kernel on the third branch; torchvision has 3, by a known mistake",
        low=1, high=5,
    )  # fmt: skip
    last_pool: int = option(3, "side of the last max pooling; torchvision has 2", low=2, high=3)
    width_multiplier: float = option(1.0, "factor on all widths", low=0.01, high=16)
    dropout: float = option(0.4, "dropout rate before the classes", low=0, high=0.95)
    auxiliary: float = option(
        0.3, "share in the loss of each of two auxiliary heads; without them if 0", low=0, high=1
    )
    input_shape: tuple[int, int, int] = image_field(224)
    classes: int = classes_field(1000)

    def width(self, channels: int) -> int:
        """Channels as they are with the width multiplier."""
        return max(1, round(channels * self.width_multiplier))

    @property
    def preprocessing(self) -> str:
        """Of torchvision's weights that of TensorFlow, which they were converted from."""
        if self.stem == "cifar":
            return "cifar10"
        return "tf" if self.batch_norm else "caffe"

    @property
    def smallest(self) -> int:
        """The side at which the last modules see two pixels, so that all poolings fit."""
        return 8 * STEMS[self.stem].reduction
