"""HDF5 files of half the size, where their numbers allow it."""

from io import BytesIO
from pathlib import Path

import h5py
import numpy as np


def pack(path: Path) -> None:
    """Writes a file again, with arrays of float32 as float16 where that changes no number.

    Keras gives its variables their own type back when it loads them.
    """
    whole = BytesIO(path.read_bytes())
    with h5py.File(whole) as given, h5py.File(path, "w") as packed:

        def add(name: str, node: h5py.Group | h5py.Dataset) -> None:
            if isinstance(node, h5py.Dataset):
                copy = packed.create_dataset(name, data=_packed(node[()]))
            else:
                copy = packed.require_group(name)
            copy.attrs.update(node.attrs)

        given.visititems(add)
        packed.attrs.update(given.attrs)


def _packed(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):  # too large for float16: not equal either
        half = array.astype(np.float16)
    return half if np.array_equal(half, array) else array
