"""Files of `torch.save` as arrays, without torch: its archives since 1.6, and the form before that.

Their index is a pickle, which could run code. Here it is read by an unpickler that knows tensors
and dictionaries, and refuses whatever else is named in it.
"""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ml_dtypes import bfloat16

MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py: how the form before 1.6 begins
DTYPES: dict[str, Any] = {  # by torch's name of the storage
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8",
    "BFloat16Storage": bfloat16, "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1",
    "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip


class Storage(NamedTuple):
    """The numbers of one or more tensors: where they are in the file."""

    key: str
    dtype: np.dtype
    numbers: int


class Tensor(NamedTuple):
    """Some numbers of a storage, by their places."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, data: bytes) -> np.ndarray:
        """The array, from the bytes of its storage.

        Raises:
            ValueError: if the places are not in the storage.
        """
        last = sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        fits = min(self.offset, last, *self.shape, *self.strides, 0) == 0
        if not fits or self.offset + last >= self.storage.numbers or prod(self.shape) > len(data):
            raise ValueError(f"a tensor of shape {self.shape} is not in its storage")
        numbers = np.frombuffer(data, self.storage.dtype, self.storage.numbers)[self.offset :]
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers, self.shape, strides).copy()


def _tensor(storage: Storage, offset, shape, strides, *_: Any) -> Tensor:
    return Tensor(storage, offset, shape, strides)


def _parameter(tensor: Tensor, *_: Any) -> Tensor:
    return tensor


KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
    **{("torch", name): np.dtype(dtype) for name, dtype in DTYPES.items()},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a tensor")
        return KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        kind, dtype, key, _, count, *_ = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or not isinstance(count, int):
            raise pickle.UnpicklingError(f"{str(kind)[:60]!r} is no storage")
        return Storage(str(key), dtype, count)


def load(path: Path) -> Any:
    """What was saved, with arrays in the place of tensors.

    Raises:
        pickle.UnpicklingError: if there is anything in it but tensors, numbers, texts, lists and
            dictionaries.
        ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile: if it is damaged.
    """
    return (_load_archive if zipfile.is_zipfile(path) else _load_plain)(path)


def _load_archive(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        index = next((name for name in names if name.endswith("data.pkl")), None)
        if index is None:
            raise ValueError("it is no archive of torch.save: it has no data.pkl")
        if any(row.compress_type != zipfile.ZIP_STORED for row in archive.infolist()):
            raise ValueError("its members are compressed, as torch.save never does")
        root = index.removesuffix("data.pkl")
        if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
            raise ValueError("its numbers are big-endian")
        content = _Unpickler(io.BytesIO(archive.read(index))).load()
        return _resolve(content, lambda storage: archive.read(f"{root}data/{storage.key}"))


def _load_plain(path: Path) -> Any:
    with open(path, "rb") as file:
        if _Unpickler(file).load() != MAGIC:
            raise ValueError("it is no file of torch.save")
        _Unpickler(file).load(), _Unpickler(file).load()  # versions, the system
        content = _Unpickler(file).load()
        keys = _Unpickler(file).load()
        sizes = {storage.key: storage for storage in _storages(content)}
        found = {}
        for key in keys:
            (count,) = struct.unpack("<q", file.read(8))
            storage = sizes[key]
            if count != storage.numbers:
                raise ValueError(f"storage {key!r} has {count} numbers, not {storage.numbers}")
            found[key] = file.read(count * storage.dtype.itemsize)
    return _resolve(content, lambda storage: found[storage.key])


def _storages(content: Any) -> list[Storage]:
    if isinstance(content, Tensor):
        return [content.storage]
    parts = content.values() if isinstance(content, dict) else content
    return (
        [s for part in parts for s in _storages(part)] if isinstance(content, dict | list) else []
    )


def _resolve(content: Any, read: Callable[[Storage], bytes]) -> Any:
    if isinstance(content, Tensor):
        return content.read(read(content.storage))
    if isinstance(content, dict):
        return {name: _resolve(part, read) for name, part in content.items()}
    return content
