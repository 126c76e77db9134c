"""Loads weight files of any origin into a network: all weights, or none."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from logging import getLogger
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_resnet.spec.blocks import VARIANTS
from keras_resnet.spec.config import NetworkConfig
from keras_resnet.spec.preprocessing import MODES, Preprocessing
from keras_resnet.spec.presets import SPECS
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import InputError, sentence, shorten_list
from keras_resnet.weights import (
    architecture,
    comparison,
    hub_config,
    isolated,
    readers,
    recognition,
    saved,
    state,
)
from keras_resnet.weights.layouts import WeightLayout
from keras_resnet.weights.readers import HEAD, TOP, Weights
from keras_resnet.weights.signature import check_same, weight_signature

LOG = getLogger("keras_resnet")


class Contents(NamedTuple):
    """What a weight file holds."""

    weights: Weights
    spec: NetworkConfig | None = None  # the network, if the file tells
    ordered: bool = False  # whether the weights are in the order of the layers
    config: dict[str, Any] | None = None  # of the Keras model, if the file has it
    preprocessing: Preprocessing | None = None  # of images, if the file tells


def transfer(
    contents: Contents,
    model: keras.Model,
    path: str,
    spec: NetworkConfig | None = None,
    new_head: bool = False,
) -> None:
    """Loads weights that were read from a file, matched as `pair` says: all of them, or none.

    Args:
        contents: What `read` gave.
        model: The network.
        path: Of the file, for messages.
        spec: The spec that the network was built from, to compare with the file's.
        new_head: Whether to keep the model's head if the file's has other classes.

    Raises:
        InputError: that names the first layer that does not match, and why.
    """
    if contents.spec and spec:
        check_same(contents.spec, spec, path, model.name)
    try:
        pairs = match(model, contents, new_head)
    except InputError as error:
        raise InputError(f"{path} does not match {model.name}: {error}") from None
    for variable, value in pairs:
        variable.assign(value)


def read(path: str | Path, verified: bool = False) -> Contents:
    """Reads a weight file.

    Args:
        path: The file.
        verified: Whether its checksum is known to be right. Others are read in a process of their
            own where the library that reads them could crash, or never end.

    Raises:
        InputError: if it cannot be read.
    """
    name = str(path)
    reader = next((READERS[end] for end in READERS if name.endswith(end)), None)
    if reader is None:
        raise InputError(
            f"cannot read weights from {name[-200:]}: use a file {', '.join(READERS)}."
        )
    if not is_file(path):
        raise InputError(f"cannot read weights from {name[-200:]}: there is no such file.")
    try:
        return reader(Path(path), verified)
    except Exception as error:  # three libraries read bytes of anybody's
        raise InputError(f"cannot read weights from {path}: {sentence(error)}.") from error


def is_file(path: Any) -> bool:
    """Whether something is the path of a regular file."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError, TypeError):  # a name that is too long, or has a null byte
        return False


def _read_keras(path: Path, verified: bool) -> Contents:
    weights, ordered, config = (readers if verified else isolated).read(path)
    named, spec, layout = recognition.recognize_keras(weights)
    preprocessing = saved.read_preprocessing(path)
    if config and not preprocessing:
        preprocessing = architecture.read_normalization(config)
    return Contents(named, spec, ordered, config, preprocessing or _preprocessing(layout))


def _read_torch(path: Path, verified: bool) -> Contents:
    arrays = state.read(path)
    if found := comparison.recognize(arrays):
        return Contents(found.weights, found.spec, preprocessing=MODES[found.preprocessing])
    weights, spec, layout = recognition.recognize_state(arrays)
    config = hub_config.read_hub_config(path)
    if config is None:
        LOG.warning(_assumed(path, spec, layout))
    settings = {"preprocessing": _preprocessing(layout), "output_stride": 0} | (config or {})
    spec = replace(spec, output_stride=settings.pop("output_stride"))
    return Contents(weights, spec, **settings)


def _preprocessing(layout: WeightLayout | None) -> Preprocessing | None:
    return MODES[VARIANTS[layout.variant].preprocessing] if layout else None


def _assumed(path: Path, spec: Spec, layout: WeightLayout) -> str:
    """In words, what a file of names and numbers cannot say."""
    alike = [
        title for title, row in SPECS.items() if weight_signature(row) == weight_signature(spec)
    ]
    like = f", as {shorten_list(alike)} here" if alike else ""
    padded = ", channels of zeros on both sides of a shortcut's" if spec.shortcut == "A" else ""
    return (
        f"{path} is taken for a plain ResNet of {layout.source}{like}: ReLU, the stride on 3x3 "
        f"convolutions, no dilation, no blurred pooling{padded}. Others (timm's resnetblur, "
        "resnetaa, act_layer) have the same names and shapes; for dilated ones, give output_stride."
    )


# HDF5 may hang or crash; torch's files and safetensors are read by what can do neither.
READERS: dict[str, Callable[[Path, bool], Contents]] = {
    ".keras": _read_keras,
    ".h5": _read_keras,
    ".hdf5": _read_keras,
    ".safetensors": _read_torch,
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".th": _read_torch,
    ".tar": _read_torch,
    ".bin": _read_torch,
}


def pair(model: keras.Model, contents: Contents) -> dict[str, str]:
    """By name of each layer of a model that has weights, that of the file's.

    It is the same; or that at its place, if the file has as many in order, not all of these names.
    """
    names = [layer.name for layer in model.layers if layer.weights]
    theirs = contents.weights
    by_order = contents.ordered and len(names) == len(theirs) and not theirs.keys() >= set(names)
    return dict(zip(names, theirs if by_order else names, strict=True))


def match(
    model: keras.Model, contents: Contents, new_head: bool = False
) -> list[tuple[keras.Variable, np.ndarray]]:
    """Every variable of a model with its array, once all are known to match.

    Args:
        model: The network.
        contents: The arrays of every layer that has any, see `pair`.
        new_head: Whether to leave the model's head out if its arrays do not match.

    Raises:
        InputError: that names the first layer that does not match, and why.
    """
    names, weights, matched = pair(model, contents), contents.weights, []
    for layer in (layer for layer in model.layers if layer.weights):
        name = names[layer.name]
        misfit = _misfit(layer, weights.get(name))
        if not misfit:
            matched += [(variable, weights[name][variable.name]) for variable in layer.weights]
        elif not (new_head and layer.name == HEAD):
            raise InputError(misfit)
    headless = HEAD not in names
    unused = [
        name
        for name in weights
        if name not in names.values() and not (headless and TOP.fullmatch(name))
    ]
    if unused:
        raise InputError(f"the file has a layer {unused[0]!r} which the network lacks.")
    if contents.config:
        try:
            architecture.compare(model, contents.config, names)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise InputError(
                f"the architecture in the file is damaged ({sentence(error)}): save it again."
            ) from error
    return matched


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
