"""Encoded images as a source: each is decoded when it is wanted, on all cores."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.files import read_bytes
from keras_resnet.utils.framing import Framing
from train.data.images import MOST_BYTES, Choose, Shape, decode, whole
from train.data.indexed import scaled_shape
from train.utils.threads import in_threads


class Files(Protocol):
    """The bytes of image files, by index."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What a file is called, for messages."""

    def read(self, index: int) -> bytes:
        """What is in it.

        Raises:
            InputError: if it cannot be read.
        """


@dataclass(frozen=True)
class FolderFiles:
    """Files below a folder; each takes as much memory as the longest name."""

    root: str
    names: np.ndarray  # (n,) bytes, paths from the root

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """The path of a file."""
        return os.path.join(self.root, os.fsdecode(self.names[index]))

    def read(self, index: int) -> bytes:
        """What is in it."""
        try:
            return read_bytes(self.name(index), MOST_BYTES)
        except FileNotFoundError:
            raise InputError(f"{self.name(index)!r} is gone: put it back.") from None


@dataclass(frozen=True)
class Photographs:
    """Images of any size that are read from files by index, see `train.data.indexed.Images`."""

    files: Files
    shape: Shape
    framing: Framing
    digests: np.ndarray  # (n, 2) uint64, of what is in each file

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: np.ndarray, scale: float = 1, wider: bool = False) -> np.ndarray:
        """The images with these indices, framed: nothing is drawn at random."""
        shape = scaled_shape(self.shape, scale)
        ratio = min(1.0, self.framing.crop_ratio * scale) if wider else self.framing.crop_ratio
        framing = replace(self.framing, crop_ratio=ratio)
        images = np.empty((len(index), *shape), np.uint8)

        def fill(places: range) -> None:
            for place in places:
                i = int(index[place])
                with _hint():
                    name = self.files.name(i)
                    images[place] = whole(self.files.read(i), name, shape, framing)

        in_threads(fill, range(len(index)))
        return images

    def part(self, index: int, choose: Choose, shape: Shape) -> Image.Image:
        """A part of an image, resized."""
        with _hint():
            return decode(self.files.read(index), self.files.name(index), shape, choose)

    def identity(self, rows: np.ndarray) -> Iterator[bytes | memoryview]:
        """What tells these images from all others: checksums of files, and their framing."""
        yield repr((self.framing.resize, self.framing.crop_ratio)).encode()
        yield np.ascontiguousarray(self.digests[rows]).data


@contextmanager
def _hint() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(
            f"{str(error).rstrip('.')}, or leave out all that are damaged with --skip_unreadable."
        ) from error
