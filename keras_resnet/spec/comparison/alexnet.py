"""AlexNet as data."""

from dataclasses import dataclass

from keras_resnet.spec.comparison.chain import ChainConv, check_weights
from keras_resnet.spec.comparison.network import Network, counts
from keras_resnet.spec.config import MOST_SIDE, classes_field, image_field
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import option


@dataclass(frozen=True)
class AlexNetSpec(Network):
    """AlexNet (Krizhevsky et al. 2012, "ImageNet classification with deep ... networks").

    The defaults are those of its section 3.5. It says 224 pixels and means the 227 that give 55:
    here images are padded by two pixels, as in torchvision.
    """

    widths: tuple[int, ...] = counts((96, 256, 384, 384, 256), "channels of each convolution")
    kernels: tuple[int, ...] = option((11, 5, 3, 3, 3), "side of each kernel", low=1, high=11)
    groups: tuple[int, ...] = counts((1, 2, 1, 2, 2), "towers that each convolution keeps apart")
    stride: int = option(4, "stride of the first convolution", low=1, high=4)
    normalized: tuple[int, ...] = counts(
        (1, 2), "numbers of convolutions before local response normalization"
    )
    pooled: tuple[int, ...] = counts((1, 2, 5), "numbers of convolutions before 3x3 max pooling")
    hidden: tuple[int, ...] = counts((4096, 4096), "units of each dense layer before the last")
    dropout: float = option(0.5, "dropout rate after each of these", low=0, high=0.95)
    input_shape: tuple[int, int, int] = image_field(224)
    classes: int = classes_field(1000)

    batch_norm = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.widths) == len(self.kernels) == len(self.groups) <= 100:
            raise InputError(
                f"widths {self.widths}, kernels {self.kernels} and groups {self.groups} must be of "
                "the same convolutions: give as many of each, 1 to 100."
            )
        self._check_numbers()
        channels = [self.input_shape[2], *self.widths]
        for before, after, groups in zip(channels, self.widths, self.groups, strict=False):
            if before % groups or after % groups:
                raise InputError(
                    f"a convolution of {before} to {after} channels has no {groups} groups: "
                    "choose multiples."
                )
        check_weights(self)

    def _check_numbers(self) -> None:
        """Checks that there are the convolutions that are named, and that images can be pooled."""
        count = len(self.widths)
        for name in ("normalized", "pooled"):
            if any(number > count for number in getattr(self, name)):
                raise InputError(
                    f"{name} must be of numbers from 1 to {count}, those of the convolutions; got "
                    f"{getattr(self, name)}."
                )
        if not _fits(self, MOST_SIDE):
            raise InputError(
                f"pooled {self.pooled} and stride {self.stride} leave nothing of an image of "
                f"{MOST_SIDE} pixels, the largest that there may be: pool after fewer convolutions."
            )

    def convolutions(self) -> list[ChainConv]:
        """The convolutions in order."""
        return [
            ChainConv(
                f"conv{number}",
                width,
                kernel,
                self.stride if number == 1 else 1,
                groups,
                number in self.normalized,
                3 * (number in self.pooled),
            )
            for number, (width, kernel, groups) in enumerate(
                zip(self.widths, self.kernels, self.groups, strict=True), 1
            )
        ]

    @property
    def preprocessing(self) -> str:
        """The paper subtracts the mean; torchvision, of one tower, divides by the std, too.

        Only the form for CIFAR-10 begins without a stride.
        """
        if self.stride == 1:
            return "cifar10"
        return "caffe" if max(self.groups) > 1 else "torch"

    @property
    def smallest(self) -> int:
        """The smallest side that all convolutions and poolings fit into."""
        return next(side for side in range(1, MOST_SIDE + 1) if _fits(self, side))


def _fits(spec: AlexNetSpec, side: int) -> bool:
    for row in spec.convolutions():
        side = row.pooled(row.side(side))
    return side >= 1
