"""Files as `torch.save` writes them, without torch: its pickle is put together by hand."""

import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

NAMES = {"float32": "FloatStorage", "float16": "HalfStorage", "int64": "LongStorage"}


class Opcodes:
    """A pickle of dictionaries, numbers, texts and tensors."""

    def __init__(self, parameters: bool = False):
        self.parameters = parameters
        self.storages: list[np.ndarray] = []

    def value(self, value: Any) -> bytes:
        if isinstance(value, Mapping):
            items = b"".join(self.value(key) + self.value(part) for key, part in value.items())
            return b"ccollections\nOrderedDict\n)R(" + items + b"u"
        if isinstance(value, np.ndarray):
            return self.parameter(value) if self.parameters else self.tensor(value)
        return pickle.dumps(value, 2)[2:-1]

    def tensor(self, array: np.ndarray) -> bytes:
        key, name = str(len(self.storages)), NAMES[array.dtype.name]
        self.storages.append(np.ascontiguousarray(array))
        strides = tuple(
            stride // array.itemsize for stride in np.empty(array.shape, array.dtype).strides
        )
        storage = (
            b"(" + self.value("storage") + f"ctorch\n{name}\n".encode() + self.value(key)
            + self.value("cpu") + self.value(array.size) + b"tQ"
        )  # fmt: skip
        return (
            b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + self.value(0)
            + self.value(array.shape) + self.value(strides) + self.value(False)
            + self.value({}) + b"tR"
        )  # fmt: skip

    def parameter(self, array: np.ndarray) -> bytes:
        rebuilt = b"(" + self.tensor(array) + self.value(True) + self.value({}) + b"tR"
        return b"ctorch._utils\n_rebuild_parameter\n" + rebuilt


def write(path: Path, content: Mapping, parameters: bool = False) -> None:
    """An archive, the form since torch 1.6; with `parameters` as of an `nn.Module`."""
    codes = Opcodes(parameters)
    index = b"\x80\x02" + codes.value(content) + b"."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", index)
        archive.writestr("archive/byteorder", "little")
        for number, array in enumerate(codes.storages):
            archive.writestr(f"archive/data/{number}", array.tobytes())
        archive.writestr("archive/version", "3\n")


def write_plain(path: Path, content: Mapping) -> None:
    """The form before torch 1.6: one pickle after the other, then the numbers."""
    codes = Opcodes()
    index = b"\x80\x02" + codes.value(content) + b"."
    keys = [str(number) for number in range(len(codes.storages))]
    parts = [
        pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    ]
    numbers = [struct.pack("<q", array.size) + array.tobytes() for array in codes.storages]
    path.write_bytes(b"".join([*parts, index, pickle.dumps(keys, 2), *numbers]))
