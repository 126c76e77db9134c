"""Weight files of Keras as plain arrays, and the config of the network that is in some of them."""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from ml_dtypes import bfloat16

from keras_resnet.utils.errors import InputError

Weights = dict[str, dict[str, np.ndarray]]  # by name of the layer, then of the variable
HEAD = "predictions"  # the layer of the classes
TOP = re.compile(rf"{HEAD}|fc\d+|f6")  # with the dense layers before it in VGG, AlexNet and LeNet
CONFIG = "config.json"  # of a `.keras` file


class KerasFile(NamedTuple):
    """What a file of Keras holds."""

    weights: Weights
    ordered: bool  # whether they are in the order of the layers: files of Keras 3 do not say
    config: dict[str, Any] | None  # of the model, as Keras wrote it, if it is there


def read(path: Path) -> KerasFile:
    """Reads a file of Keras.

    Args:
        path: `.keras`, an archive; or else a `.weights.h5` of Keras 3, or a `.h5` of any Keras, of
            weights or of a model.

    Raises:
        InputError: if arrays are not simply in the file, which no Keras does.
        Exception: whatever the libraries make of a damaged file.
    """
    with _opened(path) as (root, text):
        config = None if text is None else json.loads(text)
        if "layers" in root:
            return KerasFile(_keras3(root["layers"]), False, config)
        return KerasFile(_legacy(root.get("model_weights", root)), True, config)


def check(path: Path) -> None:
    """Reads all arrays of a file of Keras, of whatever model: its reader could crash on them.

    Args:
        path: See `read`.

    Raises:
        InputError: if arrays are not simply in the file, which no Keras does.
        Exception: whatever the libraries make of a damaged file.
    """
    with _opened(path) as (root, _):
        for _, dataset in _datasets(root):
            _values(dataset)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[h5py.File, str | bytes | None]]:
    """The arrays of a file, and the text of its config, if it is there."""
    if path.suffix != ".keras":
        with h5py.File(path) as root:
            yield root, root.attrs.get("model_config")
        return
    with zipfile.ZipFile(path) as archive:
        stored = archive.getinfo("model.weights.h5")
        if stored.file_size > 1000 * stored.compress_size:  # as of arrays, see `_check_stored`
            raise InputError("its weights are compressed a thousand times.")
        with archive.open(stored) as file, h5py.File(file) as root:
            yield root, archive.read(CONFIG)


_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
# Files of Keras 3 name groups by class, `conv2d_5`, and only count the variables of a layer.
_VARIABLES = {
    "conv2d": ("kernel", "bias"), "depthwise_conv2d": ("kernel", "bias"),
    "dense": ("kernel", "bias"), "batch_normalization": _NORM,
}  # fmt: skip


def _keras3(root: h5py.Group) -> Weights:
    weights: Weights = {}
    found = _datasets(root)
    counts = Counter(dataset.parent.name for _, dataset in found)
    for key, dataset in found:
        name = dataset.parent.attrs.get("name")
        if name is None:
            raise InputError(
                "it names no layers: it was written by an early Keras 3; load "
                "it with model.load_weights(), and save it again."
            )
        *_, group, _, index = key.split("/")
        names = _VARIABLES.get(group.rstrip("_0123456789"), ())
        if names == _NORM and counts[dataset.parent.name] == 2:  # without scale and shift
            names = _NORM[2:]
        variable = names[int(index)] if int(index) < len(names) else index
        there = weights.setdefault(name, {})
        if variable in there:
            raise InputError(
                f"it has two layers {name!r}: give a file of one network, made by save_weights()."
            )
        there[variable] = _values(dataset)
    return weights


def _legacy(root: h5py.Group) -> Weights:
    weights: Weights = {name: {} for name in _layer_names(root)}
    for key, dataset in _datasets(root):
        layer, variable = key.split("/")[0], key.split("/")[-1]
        if layer not in weights or layer == key:
            raise InputError(f"it holds {key!r}, which belongs to no layer.")
        weights[layer][variable.removesuffix(":0")] = _values(dataset)
    return {name: variables for name, variables in weights.items() if variables}


def _layer_names(root: h5py.Group) -> list[str]:
    """The layers in order; of deep networks the list is cut into numbered attributes."""
    parts = sorted(
        (key for key in root.attrs if key.startswith("layer_names")),
        key=lambda key: (len(key), key),
    )
    return [
        getattr(name, "decode", lambda n=name: n)() for key in parts for name in root.attrs[key]
    ]


def _datasets(root: h5py.Group) -> list[tuple[str, h5py.Dataset]]:
    """All arrays below a group, in the order of their names.

    Raises:
        InputError: if one is not simply in the file, or a group is in itself.
    """
    found: list[tuple[str, h5py.Dataset]] = []
    groups, seen = [("", root)], set()
    while groups:
        prefix, group = groups.pop()
        for name in group:
            key = f"{prefix}{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise InputError(f"{key!r} is a link to elsewhere, which no Keras writes.")
            node = group[name]
            place = h5py.h5o.get_info(node.id).addr
            if place in seen:
                raise InputError(f"{key!r} is twice in the file, which no Keras writes.")
            seen.add(place)
            if isinstance(node, h5py.Group):
                groups.append((f"{key}/", node))
            else:
                _check_stored(key, node)
                found.append((key, node))
    return sorted(found, key=lambda row: row[0])


def _check_stored(key: str, array: h5py.Dataset) -> None:
    """As Keras does: a few bytes could stand for any amount of memory, or for another file."""
    if array.external or array.is_virtual or array.nbytes > 1000 * array.id.get_storage_size():
        raise InputError(f"array {key!r} is not stored in the file.")


def _values(dataset: h5py.Dataset) -> np.ndarray:
    """The numbers of an array; HDF5 has no bfloat16, so Keras writes its bits and says so."""
    values = np.asarray(dataset[()])
    if dataset.attrs.get("dtype") == "bfloat16" and values.dtype.itemsize == 2:
        return values.view(bfloat16).astype("float32")
    return values


def checked(array: np.ndarray, name: str) -> np.ndarray:
    """An array of real, finite numbers, as float32 if it is of fewer bits.

    Args:
        array: The array.
        name: Of its layer, for the message.

    Raises:
        InputError: if it is of anything else.
    """
    if array.dtype.kind not in "fiu" and array.dtype != bfloat16:
        raise InputError(f"{name!r} is of {array.dtype}: weights are real numbers.")
    if array.dtype in (np.float16, bfloat16):
        array = array.astype("float32")
    if not np.isfinite(array).all():
        raise InputError(f"{name!r} has numbers that are not finite: training has diverged there.")
    return np.ascontiguousarray(array)
