"""How an image of any size becomes one of the network's size: alike in training and in exports.

`train.data.images` does it with Pillow, `keras_resnet.export.photographs` with TensorFlow. Standard
library only.
"""

from dataclasses import dataclass
from typing import NamedTuple

from keras_resnet.utils.fields import Settings, option

MODES = {
    "crop": "scaled until it covers the network's image; what stands out is cut off, evenly",
    "pad": "scaled until it fits inside; the rest is black, evenly",
    "stretch": "scaled without keeping its proportions",
}
REDUCTIONS = (8, 4, 2)  # how many times smaller JPEG decoders make an image at no cost


@dataclass(frozen=True, kw_only=True)
class Framing(Settings):
    """What of an image is seen when nothing is drawn at random.

    Raises:
        InputError: if a field is out of its range.
    """

    resize: str = option("crop", "how an image becomes square", choices=MODES)
    crop_ratio: float = option(
        1.0, "fraction of the short side that a crop shows: 0.875 is the usual 224 of 256",
        low=0.01, high=1,
    )  # fmt: skip

    def described(self) -> str:
        """In a sentence, for the metadata of files."""
        ratio = (
            ""
            if self.crop_ratio == 1 or self.resize != "crop"
            else f" (of {self.crop_ratio:g} of its short side)"
        )
        return f"An image of another size is {MODES[self.resize]}{ratio}."


class Box(NamedTuple):
    """A part of an image in pixels from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


class Frame(NamedTuple):
    """Which part of an image is seen, and where."""

    box: Box
    size: tuple[int, int]  # height and width that the part is resized to
    margin: tuple[int, int]  # rows above it and columns on its left, black as those opposite


def frame(size: tuple[int, int], target: tuple[int, int], framing: Framing) -> Frame:
    """Decides what is seen of an image.

    Args:
        size: Height and width of the image.
        target: Height and width of what the network takes.
        framing: How one becomes the other.
    """
    (height, width), (rows, columns) = size, target
    if framing.resize == "pad":
        scale = max(height / rows, width / columns)
        inner = max(1, round(height / scale)), max(1, round(width / scale))
        margin = (rows - inner[0]) // 2, (columns - inner[1]) // 2
        return Frame(Box(0, 0, width, height), inner, margin)
    if framing.resize == "stretch":
        return Frame(Box(0, 0, width, height), target, (0, 0))
    scale = min(height / rows, width / columns) * framing.crop_ratio
    # Whole pixels, so that apps can cut out the very same part.
    seen = max(1, round(rows * scale)), max(1, round(columns * scale))
    top, left = (height - seen[0]) // 2, (width - seen[1]) // 2
    return Frame(Box(left, top, left + seen[1], top + seen[0]), target, (0, 0))


def reduction(box: Box, size: tuple[int, int]) -> int:
    """How many times smaller a JPEG may be decoded: the box still has as many pixels as needed.

    Args:
        box: In pixels of the image as it is.
        size: Height and width that the box is resized to.
    """
    most = min((box.right - box.left) / size[1], (box.bottom - box.top) / size[0])
    return next((times for times in REDUCTIONS if times <= most), 1)
