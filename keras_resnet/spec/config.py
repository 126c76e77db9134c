"""What the description of any network has. Standard library only."""

from typing import Any, ClassVar, Protocol


class NetworkConfig(Protocol):
    """The description of a network: a frozen dataclass, whose fields are the keys of a record."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""

    @property
    def classes(self) -> int:
        """Number of classes."""

    # What makes a class a dataclass, to the type checker.
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def check_size(self, *sides: int | None) -> None:
        """Raises an `InputError` if images of these sides are too small; `None` is any side."""
