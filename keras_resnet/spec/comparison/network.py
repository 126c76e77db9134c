"""What the specs of the comparison have in common."""

from math import prod
from typing import Any

from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.utils.fields import Settings, option

MOST_VALUES = 2**28  # of an image: 1 GiB in float32


def counts(default: tuple[int, ...], help: str) -> Any:
    """A field of whole numbers, one for each of some layers."""
    return option(default, help, low=1, high=16384)


def image_field(side: int, channels: int = 3) -> Any:
    """The field `input_shape`."""
    return option((side, side, channels), "height, width, channels", low=1, high=8192)


def classes_field(count: int) -> Any:
    """The field `classes`."""
    return option(count, "number of classes", low=1, high=1_000_000)


class Network(Settings):
    """What these specs share: checks, and the smallest image."""

    input_shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        super().__post_init__()
        if len(self.input_shape) != 3 or prod(self.input_shape) > MOST_VALUES:
            raise InputError(
                f"input_shape must be (height, width, channels), of at most {MOST_VALUES:,} "
                f"values in all; got {shorten(self.input_shape)}."
            )

    @property
    def smallest(self) -> int:
        """The smallest side of an image, in pixels."""
        raise NotImplementedError

    def check_size(self, *sides: int | None) -> None:
        """Checks that images are large enough; `None` stands for a side that is not known.

        Raises:
            InputError: if a side is smaller than `smallest`.
        """
        least = self.smallest
        if any(side is not None and side < least for side in sides):
            raise InputError(
                f"Input size must be at least {least}x{least}. Received: "
                f"{'x'.join(map(str, sides))}; the networks named ...Cifar take 32x32."
            )
