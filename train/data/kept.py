"""Tables in the user's cache, of what was found out when all data were read once."""

import hashlib
import os
from pathlib import Path

import numpy as np

from keras_resnet.utils.atomic import replacing


def place(name: str) -> Path:
    """The file in which the table of that name is kept."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    digest = hashlib.blake2b(os.fsencode(name), digest_size=16).hexdigest()
    return Path(home, "keras_resnet", f"{digest}.npy")


def read(path: Path, row: np.dtype) -> np.ndarray:
    """The rows of a table, `(n,)`; none if there is no such table that can be read."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return np.empty(0, row)
    return rows if rows.dtype == row and rows.ndim == 1 else np.empty(0, row)


def write(path: Path, rows: np.ndarray) -> None:
    """Keeps a table, if it can be: it says so if not."""
    own = path.with_stem(f"{path.stem}-{os.getpid()}")  # trainings that start together share none
    try:
        with replacing(own) as partial, open(partial, "wb") as file:
            np.save(file, rows, allow_pickle=False)
        os.replace(own, path)
    except OSError as error:
        print(f"{path} cannot be written ({error.strerror}): files are read again next time.")
