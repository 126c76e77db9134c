"""How a network wants its images, as plain data: one record, which weights carry with them.

Standard library only; `imagenet_utils.prepare` does to images what a record says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keras_resnet.spec.config import MOST_SIDE
from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.utils.fields import Settings, option
from keras_resnet.utils.framing import MODES as RESIZE
from keras_resnet.utils.framing import Framing

CHANNELS = {
    "RGB": "as image files have them; of grey images, the only one",
    "BGR": "the other way round, as Caffe",
}
INTERPOLATIONS = {
    "bilinear": "what everything in this package resizes with, with antialiasing",
    "bicubic": "what most weights of timm were made with",
    "lanczos": "also of Pillow",
    "nearest": "also of Pillow",
}
WHITE = 255.0
PIXELS = {"low": -(10**6), "high": 10**6}  # limits of what pixels may be compared with


def check_normalization(mean: Sequence[float], std: Sequence[float]) -> None:
    """Checks that pixels can be normalized by means and deviations.

    Raises:
        InputError: if these are not of as many channels, or a deviation is not above 0.
    """
    if not 1 <= len(mean) == len(std) or min(std) <= 0:
        raise InputError(
            f"mean {mean} and std {std} must be of as many channels, one or more, std above 0."
        )


@dataclass(frozen=True, kw_only=True)
class Preprocessing(Settings):
    """`(pixel - mean) / std` of each channel, 0 to 255, then the channels in their order.

    Attributes:
        mean: Of each channel in the order R, G, B, or one for all; pixels are 0 to 255.
        std: Likewise, above 0.
        channels: The order in which the network takes them, a key of `CHANNELS`.
        size: Height and width of the images that the weights were evaluated on.
        crop_ratio: Fraction of the short side that was seen of them.
        resize: How images of another size become this one, a key of `framing.MODES`.
        interpolation: How they were resized, a key of `INTERPOLATIONS`.

    Raises:
        InputError: if a field has an impossible value.
    """

    mean: tuple[float, ...] = option((0.0,), "what is subtracted from each channel", **PIXELS)
    std: tuple[float, ...] = option((1.0,), "what each channel is divided by then", **PIXELS)
    channels: str = option("RGB", "order of the channels", choices=CHANNELS)
    # Simonyan and Zisserman 2014, 3.2; He et al. 2015, 3.4: 224 of 256 pixels.
    size: tuple[int, ...] = option((224, 224), "height and width", low=1, high=MOST_SIDE)
    crop_ratio: float = option(0.875, "fraction of the short side", low=0.01, high=1)
    resize: str = option("crop", "what of an image is seen", choices=RESIZE)
    interpolation: str = option("bilinear", "how images are resized", choices=INTERPOLATIONS)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.size) != 2:
            raise InputError(f"size must be (height, width); got {shorten(self.size)}.")
        check_normalization(self.mean, self.std)

    @classmethod
    def of_unit(cls, mean: Sequence[float], std: Sequence[float], **others) -> "Preprocessing":
        """Of means and deviations of pixels from 0 to 1, as torchvision and timm have them."""
        return cls(
            mean=tuple(WHITE * value for value in mean),
            std=tuple(WHITE * value for value in std),
            **others,
        )

    @property
    def framing(self) -> Framing:
        """What is seen of an image of another size."""
        return Framing(resize=self.resize, crop_ratio=self.crop_ratio)

    @property
    def mode(self) -> str | None:
        """The key of `MODES` that does the same to pixels, if there is one."""
        alike = (self.mean, self.std, self.channels)
        rows = ((mode, (row.mean, row.std, row.channels)) for mode, row in MODES.items())
        return next((mode for mode, row in rows if row == alike), None)

    def __str__(self) -> str:
        """In words."""
        numbers = " and ".join(
            f"{name} {', '.join(f'{value:g}' for value in getattr(self, name))}"
            for name in ("mean", "std")
        )
        return f"{self.channels}, 0 to 255, normalized by {numbers}"


# How published weights want their images. The first three names and numbers are those of
# keras/src/applications/imagenet_utils.py.
MODES = {
    "caffe": Preprocessing(  # keras.applications' v1, VGG
        mean=(123.68, 116.779, 103.939), std=(1.0, 1.0, 1.0), channels="BGR"
    ),
    "tf": Preprocessing(mean=(127.5,), std=(127.5,)),  # -1 to 1: keras.applications', timm's v2
    "torch": Preprocessing.of_unit(  # torchvision, timm's v1
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ),
    "cifar10": Preprocessing(  # of the 50,000 training images of CIFAR-10
        mean=(125.307, 122.95, 113.865), std=(62.993, 62.089, 66.705),
        size=(32, 32), crop_ratio=1.0,
    ),
}  # fmt: skip
