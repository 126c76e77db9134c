"""Tables in the user's cache, of what was found out when all data were read once."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from keras_resnet.utils.atomic import replacing


def folder() -> Path:
    """The folder of this project in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home, "keras_resnet")


def place(name: str) -> Path:
    """The file in which the table of that name is kept."""
    digest = hashlib.blake2b(os.fsencode(name), digest_size=16).hexdigest()
    return folder() / f"{digest}.npy"


def read(path: Path, row: np.dtype) -> np.ndarray:
    """The rows of a table, `(n,)`; none if there is no such table that can be read."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return np.empty(0, row)
    return rows if rows.dtype == row and rows.ndim == 1 else np.empty(0, row)


@contextmanager
def replacing_file(path: Path) -> Iterator[BinaryIO]:
    """A file for writing that becomes `path` when it is complete.

    Processes that write it at the same time share nothing: the last one's stays.
    """
    own = path.with_stem(f"{path.stem}-{os.getpid()}")
    with replacing(own) as partial, open(partial, "wb") as file:
        yield file
    os.replace(own, path)


def write(path: Path, rows: np.ndarray) -> None:
    """Keeps a table, if it can be: it says so if not."""
    try:
        with replacing_file(path) as file:
            np.save(file, rows, allow_pickle=False)
    except OSError as error:
        print(f"{path} cannot be written ({error.strerror}): files are read again next time.")
