"""Loads weight files of any origin into a network: all weights, or none."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import keras
import numpy as np

from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import InputError
from keras_resnet.weights import layouts
from keras_resnet.weights.readers import HEAD, Weights, read_h5, read_keras


def load(
    model: keras.Model, path: str | Path, spec: Spec | None = None, new_head: bool = False
) -> None:
    """Loads the weights of a network from a file; if the file does not match, nothing is changed.

    Layers are matched by name; or by order, if the file has as many layers under other names.

    Args:
        model: The network.
        path: A weight file with one of the suffixes of `READERS`.
        spec: The spec that the network was built from, to compare with the file's.
        new_head: Whether to keep the model's head if the file's has other classes.

    Raises:
        InputError: that names the first layer that does not match, and why.
    """
    contents = read(path)
    if contents.spec and spec:
        theirs = weight_signature(contents.spec)
        for name, ours in weight_signature(spec).items():
            if theirs[name] != ours:
                raise InputError(
                    f"{path} holds a network with {name} {theirs[name]!r}, and {model.name} has "
                    f"{ours!r}: build a matching one with keras_resnet.from_checkpoint(path)."
                )
    try:
        assign(model, contents, new_head)
    except InputError as error:
        raise InputError(f"{path} does not match {model.name}: {error}") from None


class Contents(NamedTuple):
    """What a weight file holds."""

    weights: Weights
    spec: Spec | None = None  # the network, if the file tells
    ordered: bool = False  # whether the weights are in the order of the layers


def read(path: str | Path) -> Contents:
    """Reads a weight file.

    Raises:
        InputError: if it cannot be read.
    """
    reader = next((READERS[end] for end in READERS if str(path).endswith(end)), None)
    if reader is None:
        raise InputError(f"cannot read weights from {path}: use a file {', '.join(READERS)}.")
    try:
        return reader(Path(path))
    except (OSError, KeyError, BadZipFile) as error:
        raise InputError(f"cannot read weights from {path}: {error}.") from error


def _read_keras(path: Path) -> Contents:
    weights, ordered = (read_keras if path.suffix == ".keras" else read_h5)(path)
    return Contents(*layouts.recognize(weights), ordered)


def _read_torch(path: Path) -> Contents:
    return Contents(*layouts.read(path))


READERS: dict[str, Callable[[Path], Contents]] = {
    ".keras": _read_keras,
    ".h5": _read_keras,
    ".hdf5": _read_keras,
    ".safetensors": _read_torch,
    ".pth": _read_torch,
    ".pt": _read_torch,
}


def assign(model: keras.Model, contents: Contents, new_head: bool = False) -> None:
    """Assigns every layer its arrays, once all are known to match.

    Args:
        model: The network.
        contents: The arrays of every layer that has any, by name; or in order, with other names.
        new_head: Whether to keep the model's head if its arrays do not match.

    Raises:
        InputError: that names the first layer that does not match, and why.
    """
    layers = [layer for layer in model.layers if layer.weights]
    names = [layer.name for layer in layers]
    weights = contents.weights
    if contents.ordered and len(names) == len(weights) and not weights.keys() >= set(names):
        weights = dict(zip(names, weights.values(), strict=True))
    pairs = []
    for layer in layers:
        misfit = _misfit(layer, weights.get(layer.name))
        if not misfit:
            pairs += [(variable, weights[layer.name][variable.name]) for variable in layer.weights]
        elif not (new_head and layer.name == HEAD):
            raise InputError(misfit)
    unused = [name for name in weights if name not in {*names, HEAD}]
    if unused:
        raise InputError(f"the file has a layer {unused[0]!r} which the network lacks.")
    for variable, value in pairs:
        variable.assign(value)


def _misfit(layer: keras.Layer, stored: Mapping[str, np.ndarray] | None) -> str | None:
    """Why arrays are not those of a layer, in a sentence; `None` if they are."""
    head = layer.name == HEAD
    if stored is None:
        hint = ": it is without the top, so use include_top=False" if head else ""
        return f"the file has no layer {layer.name!r}{hint}."
    theirs = {name: array.shape for name, array in stored.items()}
    ours = {variable.name: tuple(variable.shape) for variable in layer.weights}
    hint = " Give classes=N as in the file, and use replace_head for others." if head else ""
    for name in {**ours, **theirs}:
        shape, there = ours.get(name, "missing"), theirs.get(name, "missing")
        if shape != there:
            return f"the {name} of layer {layer.name!r} is {there} in the file, {shape} here.{hint}"
    return None


def weight_signature(spec: Spec) -> dict[str, Any]:
    """What two specs must have in common for their weights to be exchangeable."""
    free = {
        "input_shape",
        "classes",
        "width_multiplier",
        "zero_gamma",
        "dropout",
        "stochastic_depth",
    }
    fixed = {f.name: getattr(spec, f.name) for f in fields(Spec) if f.name not in free}
    widths = [spec.width(stage) for stage in range(len(spec.blocks))]
    return {**fixed, "widths": (spec.stem_width, *widths)}
