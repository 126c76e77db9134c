"""Image files inside TFRecord files, read by index, without TensorFlow."""

import os
from dataclasses import dataclass

import numpy as np

from keras_resnet.utils.errors import InputError


@dataclass(frozen=True)
class RecordFiles:
    """Images that lie one after the other in some files, see `train.data.photographs.Files`."""

    paths: tuple[str, ...]
    places: np.ndarray  # (n, 3) int64: which file, where an image begins in it, and its bytes

    def __len__(self) -> int:
        return len(self.places)

    def name(self, index: int) -> str:
        """Which record it is, by the place of the image in its file."""
        number, begin, _ = self.places[index].tolist()
        return f"{self.paths[number]} at byte {begin}"

    def read(self, index: int) -> bytes:
        """The bytes of an image.

        Raises:
            InputError: if they cannot be read.
        """
        number, begin, size = self.places[index].tolist()
        try:
            with open(self.paths[number], "rb") as file:
                found = os.pread(file.fileno(), size, begin)
        except OSError as error:
            raise InputError(
                f"cannot read {self.paths[number]} ({error.strerror}): prepare the data again."
            ) from error
        if len(found) < size:
            raise InputError(f"{self.paths[number]} has become shorter: prepare the data again.")
        return found
