"""What the description of any network has. Standard library only."""

from math import prod
from typing import Any, ClassVar, Protocol

from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.utils.fields import option

MOST_SIDE = 8192  # of an image, in pixels
MOST_VALUES = 2**28  # of an image: 1 GiB in float32
MOST_STAGES = 12  # of a network: each halves the image


def image_field(side: int, channels: int = 3) -> Any:
    """The field `input_shape`."""
    return option((side, side, channels), "height, width, channels", low=1, high=MOST_SIDE)


def classes_field(count: int) -> Any:
    """The field `classes`."""
    return option(count, "number of classes", low=1, high=1_000_000)


def check_image_shape(shape: tuple[int, ...]) -> None:
    """Checks the number of sides, and the size, of images.

    Raises:
        InputError: if it is not three sides, or an image would take more than `MOST_VALUES`.
    """
    if len(shape) != 3:
        raise InputError(f"input_shape must be (height, width, channels); got {shorten(shape)}.")
    if prod(shape) > MOST_VALUES:
        raise InputError(
            f"input_shape must be of at most {MOST_VALUES:,} values in all; got {shape}."
        )


def check_sides(least: int, sides: tuple[int | None, ...], hint: str = "") -> None:
    """Checks that images are large enough, in the words of `keras.applications`.

    Args:
        least: The smallest side, in pixels.
        sides: Of an image; `None` stands for one that is not known.
        hint: What to do, for the message.

    Raises:
        InputError: if a side is smaller.
    """
    if any(side is not None and side < least for side in sides):
        raise InputError(
            f"Input size must be at least {least}x{least}; Received: "
            f"{'x'.join(map(str, sides))}{hint}"
        )


class NetworkConfig(Protocol):
    """The description of a network: a frozen dataclass, whose fields are the keys of a record."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""

    @property
    def classes(self) -> int:
        """Number of classes."""

    @property
    def any_size(self) -> bool:
        """Whether its classifier takes images of any size: after global pooling."""

    @property
    def preprocessing(self) -> str:
        """How published weights of it want images, a key of `preprocessing.MODES`."""

    # What makes a class a dataclass, and a frozen one, to the type checker.
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __hash__(self) -> int:
        """Of all fields."""

    def check_size(self, *sides: int | None) -> None:
        """Raises an `InputError` if images of these sides are too small; `None` is any side."""
