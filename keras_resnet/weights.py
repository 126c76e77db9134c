"""Pretrained weights: where the published ones are, and how a file becomes a network's weights."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import keras
import numpy as np

from keras_resnet import checkpoints
from keras_resnet.errors import InputError
from keras_resnet.family import SPECS
from keras_resnet.files import HEAD, Weights, read_h5, read_keras
from keras_resnet.spec import Spec


class Published(NamedTuple):
    """The files of one network at `URL`, as in `keras.applications`."""

    stem: str  # how the files' names begin
    with_top: str  # MD5 sums
    without_top: str


URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
IMAGENET = {  # keras/src/applications/resnet.py, WEIGHTS_HASHES
    "ResNet50": Published(
        "resnet50", "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"
    ),
    "ResNet101": Published(
        "resnet101", "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"
    ),
    "ResNet152": Published(
        "resnet152", "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"
    ),
    "ResNet50V2": Published(
        "resnet50v2", "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"
    ),
    "ResNet101V2": Published(
        "resnet101v2", "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"
    ),
    "ResNet152V2": Published(
        "resnet152v2", "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"
    ),
}


class Trained(NamedTuple):
    """Weights that come with this package, made by `python -m train.cifar`."""

    run: str  # the folder of the run in `saved_models`
    sha256: str  # of its `model.weights.h5`


CIFAR10 = {
    "ResNet20": Trained(
        "resnet20_cifar10", "a104bfd74b642dc14f13e822c433b010370d640349584b03f027cf9a6bbd3edc"
    ),
}
# Beside this package in a clone of the repository, in it where it was installed from a wheel.
SAVED_MODELS = [Path(__file__).parents[1] / "saved_models", Path(__file__).parent / "saved_models"]


def _find_imagenet(row: Published, include_top: bool) -> Path:
    """Downloads weights, or finds them in Keras's cache."""
    file = f"{row.stem}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    hash = row.with_top if include_top else row.without_top
    try:
        return Path(keras.utils.get_file(file, URL + file, cache_subdir="models", file_hash=hash))
    except Exception as error:  # Keras raises just that
        raise InputError(
            f"cannot fetch {URL}{file} ({error}): fetch it where there is a network, and give "
            "weights=PATH."
        ) from error


def _find_cifar10(row: Trained, include_top: bool) -> Path:
    """Finds weights in `saved_models`; the head in them is left out where there is none."""
    name = Path(row.run, "model.weights.h5")
    path = next((root / name for root in SAVED_MODELS if (root / name).is_file()), None)
    if path is None:
        raise InputError(f"no {SAVED_MODELS[0] / name}: install this package again.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != row.sha256:
        raise InputError(
            f"{path} is not the file of this package, its SHA-256 differs: install it again, or "
            "give weights=PATH to use it all the same."
        )
    return path


class Source(NamedTuple):
    """A set of pretrained weights that has a name."""

    rows: Mapping[str, Any]  # by title of the network
    find: Callable[[Any, bool], Path]
    classes: int


SOURCES = {
    "imagenet": Source(IMAGENET, _find_imagenet, 1000),
    "cifar10": Source(CIFAR10, _find_cifar10, 10),
}


def published(name: str, spec: Spec) -> Any:
    """The row of a network in one of the `SOURCES`.

    Raises:
        InputError: if it has none.
    """
    for title, row in SOURCES[name].rows.items():
        if _essence(spec) == _essence(SPECS[title]):
            return row
    raise InputError(
        f"no {name!r} weights are published for this network, only for "
        f"{', '.join(SOURCES[name].rows)}: give weights=PATH, say of a checkpoint of torchvision "
        "or timm."
    )


def find(name: str, spec: Spec, include_top: bool) -> Path:
    """The file of pretrained weights of one of the `SOURCES`, checked by its sum.

    Raises:
        InputError: if there is none for this network, or it cannot be had.
    """
    return SOURCES[name].find(published(name, spec), include_top)


def load(model: keras.Model, spec: Spec, path: str | Path, new_head: bool = False) -> None:
    """Gives a network the weights in a file: all of them, or none if the file does not fit.

    Layers are matched by name; or by order, if the file has as many under other names.

    Args:
        model: The network.
        spec: What it was built from.
        path: A weight file of one of `READERS`.
        new_head: Whether to leave the head as it is if the file's is of other classes.

    Raises:
        InputError: that names the first layer that does not fit, and why.
    """
    contents = read(path)
    theirs = contents.spec and _essence(contents.spec)
    for name, ours in _essence(spec).items():
        if theirs and theirs[name] != ours:
            raise InputError(
                f"{path} holds a network with {name} {theirs[name]!r}, and {model.name} has "
                f"{ours!r}: build the one that fits with keras_resnet.from_checkpoint(path)."
            )
    try:
        assign(model, contents, new_head)
    except InputError as error:
        raise InputError(f"{path} does not fit {model.name}: {error}") from None


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
    return Contents(*checkpoints.recognise(weights), ordered)


def _read_torch(path: Path) -> Contents:
    return Contents(*checkpoints.read(path))


READERS: dict[str, Callable[[Path], Contents]] = {
    ".keras": _read_keras,
    ".h5": _read_keras,
    ".hdf5": _read_keras,
    ".safetensors": _read_torch,
    ".pth": _read_torch,
    ".pt": _read_torch,
}


def assign(model: keras.Model, contents: Contents, new_head: bool = False) -> None:
    """Gives every layer its arrays, once all are known to fit.

    Args:
        model: The network.
        contents: The arrays of every layer that has any, by name; or in order, with other names.
        new_head: Whether to leave the head as it is if its arrays do not fit.

    Raises:
        InputError: that names the first layer that does not fit, and why.
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


def _essence(spec: Spec) -> dict[str, Any]:
    """What two specs must have in common for their weights to be exchangeable."""
    free = {
        "input_shape",
        "classes",
        "width_multiplier",
        "zero_gamma",
        "dropout",
        "stochastic_depth",
    }
    essence = {f.name: getattr(spec, f.name) for f in fields(Spec) if f.name not in free}
    widths = [spec.width(stage) for stage in range(len(spec.units))]
    return {**essence, "widths": (spec.stem_width, *widths)}
