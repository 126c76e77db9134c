"""Images by index: what a source of them can do, and the one that is in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from train.data.images import Choose, Shape, put, resize

CHUNK = 1000  # images that are read at a time


class Images(Protocol):
    """A source: images that are read by index, from an array, files, a database.

    They may be stored in any size, and are of one shape when read.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""

    @property
    def digests(self) -> np.ndarray | None:
        """Of what is in each file, `(n, 2)` uint64; `None` of images that are in no files."""

    def __len__(self) -> int: ...

    def read(self, index: np.ndarray, scale: float = 1, wider: bool = False) -> np.ndarray:
        """The images with these `(n,)` indices: `(n, height, width, channels)` uint8.

        Args:
            index: Which images.
            scale: Height and width in those of the shape.
            wider: Whether a larger image shows more, as far as there is more, and not the same in
                more detail.

        Raises:
            InputError: if one cannot be read.
        """

    def part(self, index: int, choose: Choose, shape: Shape) -> Image.Image:
        """A part of one image as it is stored, resized: grey or RGB.

        Args:
            index: Which image.
            choose: Says which part, by the height and width that the image is stored in.
            shape: What it is resized to.

        Raises:
            InputError: if it cannot be read.
        """

    def identity(self, rows: np.ndarray) -> Iterator[bytes | memoryview]:
        """What tells the images with these indices from all others."""


def scaled_shape(shape: Shape, scale: float) -> Shape:
    """The shape of an image of so many times the height and width."""
    return round(shape[0] * scale), round(shape[1] * scale), shape[2]


@dataclass(frozen=True)
class ArrayImages:
    """Images that are in memory."""

    array: np.ndarray  # (n, height, width, channels) uint8
    source: Images | None = None  # where they were read from, and can be in more detail

    @property
    def digests(self) -> np.ndarray | None:
        """Of the files that they were read from, if any."""
        return self.source.digests if self.source else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.array.shape[1:]

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: np.ndarray, scale: float = 1, wider: bool = False) -> np.ndarray:
        """The images with these indices; without a source, there is no more than they show."""
        images = self.array[index]
        if scale == 1:
            return images
        if self.source:
            return self.source.read(index, scale, wider)
        shape = scaled_shape(self.shape, scale)
        return np.stack([resize(image, shape) for image in images])

    def part(self, index: int, choose: Choose, shape: Shape) -> Image.Image:
        """A part of one image, resized."""
        if self.source:
            return self.source.part(index, choose, shape)
        pixels = self.array[index]
        image = Image.fromarray(pixels[..., 0] if self.shape[2] == 1 else pixels)
        return put(image, choose(*self.shape[:2]), shape)

    def identity(self, rows: np.ndarray) -> Iterator[bytes | memoryview]:
        """What the source knows of them; or else their pixels, some images at a time."""
        if self.source:
            yield from self.source.identity(rows)
            return
        for start in range(0, len(rows), CHUNK):
            yield np.ascontiguousarray(self.array[rows[start : start + CHUNK]]).data
