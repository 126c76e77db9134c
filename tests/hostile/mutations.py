"""Seeded damage to files: to their bytes, and to what is inside archives, HDF5 files and JSON."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import h5py
import numpy as np

SECTOR = 512
ODD = (  # values that stand where others are expected
    None, True, -1, 0, 3, 10**30, 1e30, float("nan"), float("inf"), "", "x" * 5000, "a\nb", "\x00",
    "../x", [], {}, [[]], [None], {"": 0}, ["x"] * 1000, [10**9] * 3, [1e6, 1e6, 3],
)  # fmt: skip


def flip_bit(data: bytearray, chance: Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def zero_sector(data: bytearray, chance: Random) -> None:
    start = chance.randrange(len(data)) // SECTOR * SECTOR
    data[start : start + SECTOR] = bytes(len(data[start : start + SECTOR]))


def overwrite(data: bytearray, chance: Random) -> None:
    start = chance.randrange(len(data))
    some = chance.choice([b"\xff" * 8, b"\x00" * 8, chance.randbytes(8), b"\x7f\xff\xff\xff"])
    data[start : start + len(some)] = some


def truncate(data: bytearray, chance: Random) -> None:
    del data[chance.randrange(len(data)) :]


def insert(data: bytearray, chance: Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = chance.randbytes(chance.choice([1, 7, 1000]))


def repeat(data: bytearray, chance: Random) -> None:
    data += data[chance.randrange(len(data)) :]


BYTES = (flip_bit, zero_sector, overwrite, truncate, insert, repeat)


def damage_bytes(path: Path, chance: Random) -> None:
    """One to three changes of bytes."""
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 3)):
        chance.choice(BYTES)(data, chance)
        data = data or bytearray(b"\x00")
    path.write_bytes(data)


def damage_json(path: Path, chance: Random) -> None:
    """Another value at some place, a key less, or deep nesting."""
    content = json.loads(path.read_text())
    places = list(_places(content))
    container, key = chance.choice(places)
    how = chance.randrange(4)
    if how == 0:
        del container[key]
    elif how == 1:
        container[key] = "DEEP"
    else:
        container[key] = chance.choice(ODD)
    text = json.dumps(content)
    deep = chance.choice([100, 990, 1000, 100_000])
    path.write_text(text.replace('"DEEP"', "[" * deep + "]" * deep))


def _places(content):
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(items):
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)


def damage_archive(path: Path, chance: Random) -> None:
    """A whole archive, of which a member is damaged, missing, twice there, or very large."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(list(members))
    how, method = chance.randrange(6), zipfile.ZIP_STORED
    others = {}
    if how == 0:
        del members[name]
    elif how == 1:
        others = {chance.choice(["../../out", "/out", "out\\x", name.upper()]): members.pop(name)}
    elif how == 2:
        members[name], method = bytes(50_000_000), zipfile.ZIP_DEFLATED
    else:
        members[name] = _damaged(members[name], chance)
        method = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(path, "w", method) as archive:
        for key, data in (members | others).items():
            archive.writestr(key, data)


def _damaged(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data or b"\x00")
    chance.choice(BYTES)(changed, chance)
    return bytes(changed)


def damage_hdf5(path: Path, chance: Random) -> None:
    """A whole HDF5 file, of which a group, an attribute or an array is another."""
    with h5py.File(path, "r+") as file:
        found = []
        file.visititems(lambda _, node: found.append(node))
        node = chance.choice(found)
        chance.choice(HDF5)(file, node, chance)


def _remove(file, node, chance) -> None:
    del file[node.name]


def _attribute(file, node, chance) -> None:
    value = chance.choice([0, "x" * 5000, b"\xff", np.float64("nan"), ["a", "b"], "conv1_conv", ""])
    node.attrs[chance.choice([*node.attrs, "name", "layer_names", "dtype"])] = value


def _link(file, node, chance) -> None:
    name, parent = node.name, node.parent
    del file[name]
    file[name] = chance.choice(
        [parent, h5py.SoftLink("/"), h5py.SoftLink(name), h5py.ExternalLink("/etc/hostname", "/")]
    )


def _array(file, node, chance) -> None:
    name = node.name
    del file[name]
    kind = chance.randrange(6)
    if kind == 0:
        file.create_dataset(name, (10**6, 10**6), "float32", chunks=(1000, 1000))
    elif kind == 1:
        file.create_dataset(name, data=np.ones((2, 2), chance.choice(["complex64", "S5", "bool"])))
    elif kind == 2:
        file.create_dataset(name, data=["text"], dtype=h5py.string_dtype())
    elif kind == 3:
        file.create_dataset(name, (3,), h5py.ref_dtype)
    elif kind == 4:
        file.create_dataset(name, data=h5py.Empty("float32"))
    else:
        file.create_dataset(name, data=np.full((1, 2, 3), np.nan))


HDF5 = (_remove, _attribute, _link, _array)


def damage_keras(path: Path, chance: Random) -> None:
    """A `.keras` archive whose weights or config are another whole file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    inner, damage = chance.choice([("model.weights.h5", damage_hdf5), ("config.json", damage_json)])
    part = path.with_name(f"part-{inner}")
    part.write_bytes(members[inner])
    damage(part, chance)
    members[inner] = part.read_bytes()
    part.unlink()
    with zipfile.ZipFile(path, "w") as archive:
        for key, data in members.items():
            archive.writestr(key, data)


def mutate(source: Path, target: Path, damages: tuple[Callable, ...], seed: int) -> None:
    """Writes a damaged copy of a file, always the same for a seed."""
    shutil.copyfile(source, target)
    chance = Random(seed)
    chance.choice(damages)(target, chance)
