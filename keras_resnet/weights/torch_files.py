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

SHARING = 8  # times that the numbers of a file are read, by tensors that have some in common
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
        size = path.stat().st_size
        return _Resolver(lambda storage: archive.read(f"{root}data/{storage.key}"), size)(content)


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
    return _Resolver(lambda storage: found[storage.key], path.stat().st_size)(content)


def _storages(content: Any, seen: set[int] | None = None) -> list[Storage]:
    """Those of all tensors; a part that is in several places is looked at once."""
    seen = set() if seen is None else seen
    if isinstance(content, Tensor):
        return [content.storage]
    if not isinstance(content, dict | list) or id(content) in seen:
        return []
    seen.add(id(content))
    parts = content.values() if isinstance(content, dict) else content
    return [storage for part in parts for storage in _storages(part, seen)]


class _Resolver:
    """Puts arrays in the place of tensors; of a part that is in several places, the same ones."""

    def __init__(self, read: Callable[[Storage], bytes], size: int):
        self.read, self.left = read, SHARING * size
        self.known: dict[int, Any] = {}

    def __call__(self, content: Any) -> Any:
        if not isinstance(content, Tensor | dict):
            return content
        if id(content) not in self.known:
            self.known[id(content)] = self._resolve(content)
        return self.known[id(content)]

    def _resolve(self, content: Any) -> Any:
        if isinstance(content, dict):
            return {name: self(part) for name, part in content.items()}
        self.left -= content.storage.numbers * content.storage.dtype.itemsize
        if self.left < 0:
            raise ValueError(f"its tensors share their numbers more than {SHARING} times")
        return content.read(self.read(content.storage))
