"""Files that are replaced atomically. Standard library only."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keras_resnet.utils.errors import InputError

PARTIAL = ".partial-"  # how the name of what is not whole begins


@contextmanager
def replacing(path: Path, folder: bool = False) -> Iterator[Path]:
    """A path beside `path` for writing a file or folder; it becomes `path` only when complete.

    The folder that it is in is made if missing. A file is on the disk before it is given its name.

    Raises:
        InputError: if `path` is a folder, and `folder` does not say that it is to be one.
    """
    path = Path(path)
    if path.is_dir() and not folder:
        raise InputError(f"{path} is a folder: give the name of a file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{PARTIAL}{path.name}")  # Keras looks at the suffix: it stays
    remove(partial)
    try:
        yield partial
        if partial.is_file():
            _synchronize(partial)
        if path.is_dir():  # a folder cannot be replaced in one go
            remove(path)
        os.replace(partial, path)
        _synchronize(path.parent)
    finally:
        remove(partial)


def _synchronize(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    number = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
