"""Checkpoints of torchvision's AlexNet, VGG and GoogLeNet: their names, their networks as specs."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import isqrt
from typing import NamedTuple

import numpy as np

from keras_resnet.spec.comparison import (
    COMPARISON,
    AlexNetSpec,
    ComparisonSpec,
    VGGSpec,
)
from keras_resnet.spec.comparison.googlenet import MODULES
from keras_resnet.utils.errors import InputError, shorten_list
from keras_resnet.weights.layouts import from_state
from keras_resnet.weights.readers import HEAD, Weights
from keras_resnet.weights.state import State

Names = dict[str, str]  # of our layers, by Torch's name of the module


class TorchLayout(NamedTuple):
    """How a package names the parts of one of these networks."""

    anchor: str  # the array by which a state dict is known
    kernel: int  # the side of its kernel
    infer: Callable[[State], tuple[ComparisonSpec, Names]]
    ignored: tuple[str, ...] = ()  # how names of what is for training alone begin


class Recognized(NamedTuple):
    """What a state dict is."""

    weights: Weights
    spec: ComparisonSpec
    preprocessing: str  # of images, a key of `preprocessing.MODES`


def recognize(state: State) -> Recognized | None:
    """A state dict of Torch as Keras's weights, with the network that they are for.

    Returns:
        `None` if it is of none of these networks.

    Raises:
        InputError: if it is of a network like one of these, naming what differs.
    """
    for layout in LAYOUTS:
        for name, array in state.items():
            if array.ndim != 4 or array.shape[2] != layout.kernel:
                continue
            if name == layout.anchor or name.endswith(f".{layout.anchor}"):
                return _read(state, name.removesuffix(layout.anchor), layout)
    return None


def _read(state: State, prefix: str, layout: TorchLayout) -> Recognized:
    plain = {
        name.removeprefix(prefix): array
        for name, array in state.items()
        if not name.removeprefix(prefix).startswith(layout.ignored)
    }
    spec, names = layout.infer(plain)
    weights, unknown = from_state(plain, names.get)
    if unknown:
        raise InputError(f"it has what no network of this family has: {shorten_list(unknown)}.")
    first = weights.get("fc1" if "fc1" in weights else HEAD, {})
    if "kernel" in first and not spec.any_size:  # it takes flattened maps, not their means
        first["kernel"] = _flat_channels_last(first["kernel"], spec)
    return Recognized(weights, spec, spec.preprocessing if spec.preprocessing == "tf" else "torch")


def _flat_channels_last(kernel: np.ndarray, spec) -> np.ndarray:
    """A dense kernel whose inputs are maps that Torch flattened with channels first."""
    channels = spec.convolutions()[-1].filters
    side = isqrt(len(kernel) // channels)
    maps = kernel.reshape(channels, side, side, -1)
    return np.ascontiguousarray(maps.transpose(1, 2, 0, 3)).reshape(kernel.shape)


def _numbers(state: State, prefix: str, axes: int) -> list[int]:
    """The places in a `Sequential` of the modules whose weights have so many axes."""
    found = [re.fullmatch(rf"{prefix}\.(\d+)\.weight", name) for name in state]
    return sorted(int(match[1]) for match in found if match and state[match[0]].ndim == axes)


def _dense(state: State) -> tuple[Names, tuple[int, ...], int]:
    """Names of the dense layers, units of those before the classes, and the classes."""
    modules = [f"classifier.{number}" for number in _numbers(state, "classifier", 2)]
    if not modules and "classifier.weight" in state:  # one layer, as in kuangliu/pytorch-cifar
        modules = ["classifier"]
    units = [len(state[f"{module}.weight"]) for module in modules]
    names = {module: f"fc{number}" for number, module in enumerate(modules, 1)}
    if modules:
        names[modules[-1]] = HEAD
    return names, tuple(units[:-1]), units[-1] if units else 1000


def _side(state: State, channels: int, reduction: int, default: int) -> int:
    """The side of images, from the inputs of the first dense layer."""
    first = next((array for name, array in state.items() if _is_dense(name, array)), None)
    if first is None:
        return default
    places, rest = divmod(first.shape[1], channels)
    side = isqrt(places)
    if rest or side * side != places or not places:
        raise InputError(
            f"its first dense layer takes {first.shape[1]} values, and its convolutions make maps "
            f"of {channels} channels, which are not square then."
        )
    return side * reduction


def _is_dense(name: str, array: np.ndarray) -> bool:
    return name.startswith("classifier") and array.ndim == 2


def _infer_vgg(state: State) -> tuple[ComparisonSpec, Names]:
    numbers = _numbers(state, "features", 4)
    normalized = f"features.{numbers[0] + 1}.running_mean" in state
    step = 3 if normalized else 2  # more than that to the next convolution: a pooling between
    ends = [a for a, b in pairwise(numbers) if b - a > step] + [numbers[-1]]
    counts = [numbers.index(end) + 1 for end in ends]
    blocks = tuple(b - a for a, b in pairwise([0, *counts]))
    widths = tuple(len(state[f"features.{end}.weight"]) for end in ends)
    dense, hidden, classes = _dense(state)
    side = _side(state, widths[-1], 2 ** len(blocks), 224)
    shape = (side, side, state[f"features.{numbers[0]}.weight"].shape[1])
    spec = VGGSpec(blocks, widths, normalized, hidden, input_shape=shape, classes=classes)
    names = dense
    for number, row in zip(numbers, spec.convolutions(), strict=True):
        names[f"features.{number}"] = row.name
        if normalized:
            names[f"features.{number + 1}"] = f"{row.name}_bn"
    return spec, names


def _infer_alexnet(state: State) -> tuple[ComparisonSpec, Names]:
    numbers = _numbers(state, "features", 4)
    if numbers != [0, 3, 6, 8, 10]:
        raise InputError(f"its convolutions are numbers {numbers}, not those of an AlexNet.")
    widths = tuple(len(state[f"features.{number}.weight"]) for number in numbers)
    dense, hidden, classes = _dense(state)
    shape = (224, 224, state["features.0.weight"].shape[1])
    spec = AlexNetSpec(
        widths,
        groups=(1, 1, 1, 1, 1),
        normalized=(),
        hidden=hidden,
        input_shape=shape,
        classes=classes,
    )
    convolutions = {
        f"features.{number}": row.name
        for number, row in zip(numbers, spec.convolutions(), strict=True)
    }
    return spec, dense | convolutions


BRANCHES = {  # of an inception module, by Torch's name
    "branch1": "1x1",
    "branch2.0": "3x3_reduce",
    "branch2.1": "3x3",
    "branch3.0": "5x5_reduce",
    "branch3.1": "5x5",
    "branch4.1": "pool_proj",
}


def _infer_googlenet(state: State) -> tuple[ComparisonSpec, Names]:
    units = {f"conv{number}": f"conv{number}" for number in (1, 2, 3)}
    for module in MODULES:
        for theirs, ours in BRANCHES.items():
            units[f"inception{module}.{theirs}"] = f"inception_{module}_{ours}"
    names = {"fc": HEAD}
    for theirs, ours in units.items():
        names |= {f"{theirs}.conv": ours, f"{theirs}.bn": f"{ours}_bn"}
    head = state.get("fc.weight")
    shape = (224, 224, state["conv1.conv.weight"].shape[1])
    classes = 1000 if head is None else len(head)
    return replace(COMPARISON["GoogLeNetBN"], input_shape=shape, classes=classes), names


LAYOUTS = (
    TorchLayout("features.0.weight", 11, _infer_alexnet),
    TorchLayout("features.0.weight", 3, _infer_vgg),
    TorchLayout("conv1.conv.weight", 7, _infer_googlenet, ignored=("aux1.", "aux2.")),
)
