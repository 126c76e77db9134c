"""Image files inside TFRecord files, read by index, without TensorFlow."""

import os
import struct
from collections.abc import Iterator
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


def walk(path: str) -> Iterator[tuple[int, bytes]]:
    """The records of a TFRecord file: where each begins, and its bytes.

    Its format, of numbers in little-endian order: length (8 bytes), a checksum (4), the record, a
    checksum (4); https://www.tensorflow.org/tutorials/load_data/tfrecord.

    Raises:
        InputError: if the file ends within a record, or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            left = os.fstat(file.fileno()).st_size
            while header := file.read(12):
                size = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else left
                begin = file.tell()
                if begin + size + 4 > left:
                    raise InputError(f"{path} ends within a record: prepare the data again.")
                yield begin, file.read(size)
                file.seek(4, os.SEEK_CUR)
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): prepare it again.") from error
