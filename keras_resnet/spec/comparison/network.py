"""What the specs of the comparison have in common."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from keras_resnet.spec.config import check_image_shape, check_sides
from keras_resnet.utils.fields import Settings, option


def counts(default: tuple[int, ...], help: str) -> Any:
    """A field of whole numbers, one for each of some layers."""
    return option(default, help, low=1, high=16384)


class Network(Settings, ABC):
    """What these specs share: checks, and the smallest image."""

    input_shape: tuple[int, int, int]
    any_size: ClassVar[bool] = False  # all but GoogLeNet flatten feature maps of one size

    def __post_init__(self) -> None:
        super().__post_init__()
        check_image_shape(self.input_shape)

    @property
    @abstractmethod
    def smallest(self) -> int:
        """The smallest side of an image, in pixels."""

    def check_size(self, *sides: int | None) -> None:
        """Checks that images are large enough; `None` stands for a side that is not known.

        Raises:
            InputError: if a side is smaller than `smallest`.
        """
        check_sides(self.smallest, sides, "; the networks named ...Cifar take 32x32.")
