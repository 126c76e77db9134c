"""Checkpoints of other packages: their names for our layers, their networks as our specs."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_resnet.spec.blocks import BLOCKS, STEMS
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import InputError, shorten_list
from keras_resnet.weights.readers import HEAD, State, Weights, read_state


class WeightLayout(NamedTuple):
    """How a package names the parts of a network, and what else sets its networks apart."""

    activation_order: str
    variant: str
    block: str  # prefix of the names in a block: number of the stage, and of the block from 0
    parts: dict[str, str]  # in a block, from our name
    ends: dict[str, str]  # before and after the blocks, from our name
    first: int = 0  # number of the first stage
    head: tuple[int, ...] = ()  # more axes of the head's kernel


TORCHVISION = WeightLayout(  # and timm's v1
    activation_order="original",
    variant="paper",
    block="layer{}.{}.",
    parts={
        "0_conv": "downsample.0",
        "0_bn": "downsample.1",
        **{f"{i}_conv": f"conv{i}" for i in (1, 2, 3)},
        **{f"{i}_bn": f"bn{i}" for i in (1, 2, 3)},
    },
    ends={"conv1_conv": "conv1", "conv1_bn": "bn1", HEAD: "fc"},
    first=1,
)
TIMM_V2 = WeightLayout(
    activation_order="full_preact",
    variant="timm_v2",
    block="stages.{}.blocks.{}.",
    parts={
        "preact_bn": "norm1",
        "0_conv": "downsample.conv",
        **{f"{i}_conv": f"conv{i}" for i in (1, 2, 3)},
        **{f"{i}_bn": f"norm{i + 1}" for i in (1, 2)},
    },
    ends={"conv1_conv": "stem.conv", "post_bn": "norm", HEAD: "head.fc"},
    head=(1, 1),  # it is a 1x1 convolution
)
KERAS_HUB = WeightLayout(  # the backbone of a preset: the networks of torchvision
    activation_order="original",
    variant="paper",
    block="stack{}_block{}_",
    parts={f"{i}_{kind}": f"{i}_{kind}" for i in range(4) for kind in ("conv", "bn")},
    ends={"conv1_conv": "conv1_conv", "conv1_bn": "conv1_bn"},
)
KERAS_HUB_V2 = WeightLayout(  # with pre-activation: those of timm
    activation_order="full_preact",
    variant="timm_v2",
    block=KERAS_HUB.block,
    parts={"preact_bn": "pre_activation_bn", **KERAS_HUB.parts},
    ends={"conv1_conv": "conv1_conv", "post_bn": "post_bn"},
)

_CONV = {"weight": "kernel", "bias": "bias"}
_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
COUNTER = "num_batches_tracked"  # of each normalization: Keras has no such thing


def read(path: Path) -> tuple[Weights, Spec]:
    """Reads a checkpoint as Keras's weights, and infers the network that they are for.

    Raises:
        InputError: if it cannot be read, or is not of a network of this family, naming what is
            left over.
    """
    state = read_state(path)
    rows = (TORCHVISION, TIMM_V2)
    layout = next((row for row in rows if f"{row.ends['conv1_conv']}.weight" in state), None)
    if layout is None:
        raise InputError(
            f"{path} is not of a ResNet of torchvision or timm: it has no conv1.weight and no "
            f"stem.conv.weight, but {shorten_list(list(state))}."
        )
    weights, unknown = from_state(state, layout)
    if unknown:
        raise InputError(f"{path} has what no network of this family has: {shorten_list(unknown)}.")
    try:
        return weights, infer(weights, layout)
    except InputError as error:
        raise InputError(f"{path} is not of a network of this family: {error}") from None


def recognize(weights: Weights) -> tuple[Weights, Spec | None]:
    """Keras's weights as they are; or by our names, with their network, if keras-hub's."""
    if "stack0_block0_1_conv" not in weights:
        return weights, None
    layout = KERAS_HUB_V2 if "post_bn" in weights else KERAS_HUB
    named = {_our_name(layer, layout) or layer: arrays for layer, arrays in weights.items()}
    return named, infer(named, layout)


def from_state(state: State, layout: WeightLayout) -> tuple[Weights, list[str]]:
    """Arrays by Torch's names as arrays by ours, and the names that have no place."""
    weights: Weights = {}
    unknown = []
    for name, array in state.items():
        module, _, variable = name.rpartition(".")
        layer = _our_name(module, layout)
        names = _NORM if layer and layer.endswith("bn") else _CONV
        if layer and variable in names:
            weights.setdefault(layer, {})[names[variable]] = _to_keras(array, layer)
        elif not layer or variable != COUNTER:
            unknown.append(name)
    return weights, unknown


def to_state(weights: Weights, layout: WeightLayout) -> dict[str, np.ndarray]:
    """Arrays by our names as arrays by Torch's."""
    state: dict[str, np.ndarray] = {}
    for layer, variables in weights.items():
        module = _their_name(layer, layout)
        norm = layer.endswith("bn")
        for theirs, ours in (_NORM if norm else _CONV).items():
            if ours in variables:
                state[f"{module}.{theirs}"] = _to_torch(variables[ours], layer, layout)
        if norm:
            state[f"{module}.{COUNTER}"] = np.array(0)
    return state


def infer(weights: Weights, layout: WeightLayout) -> Spec:
    """The network that weights are for, from its layers and their shapes.

    Raises:
        InputError: if this family has no such network.
    """
    matches = [re.fullmatch(r"conv(\d+)_block\d+_1_conv", name) for name in weights]
    stages = [int(match[1]) for match in matches if match]
    blocks = tuple(stages.count(stage) for stage in sorted(set(stages)))
    names = ["conv1_conv", *(f"conv2_block1_{i}_conv" for i in (1, 2, 3))]
    found = [weights[name]["kernel"] for name in names if "kernel" in weights.get(name, ())]
    if len(found) < 3 or len(found[0]) != STEMS["imagenet"].kernel:
        shapes = ", ".join(str(kernel.shape) for kernel in found) or "none"
        raise InputError(f"the kernels of its stem and first block are {shapes}.")
    kernel, *branch = found
    kernels = tuple(len(conv) for conv in branch)
    width, stem = branch[0].shape[-1], kernel.shape[-1]
    expansion = branch[-1].shape[-1] / width
    # Both packages have the stride on a 3x3 convolution.
    rows = [(block, row.kernels[row.strided], *row[:2]) for block, row in BLOCKS.items()]
    block = next((block for block, *row in rows if row == [3, kernels, expansion]), None)
    if block is None:
        raise InputError(f"its blocks have kernels {kernels} and widen {expansion:g} times.")
    firsts = [weights[f"conv{stage}_block1_1_conv"] for stage in sorted(set(stages))]
    widths = [first["kernel"].shape[-1] for first in firsts]
    multiplier = max(1.0, width / stem)  # the stages may be wider than the stem
    head = weights.get(HEAD, {}).get("kernel")
    return Spec(
        blocks=blocks,
        widths=tuple(round(w / multiplier) for w in widths),
        width_multiplier=multiplier,
        block=block,
        activation_order=layout.activation_order,
        shortcut="B",
        stem="imagenet",
        variant=layout.variant,
        input_shape=(224, 224, kernel.shape[2]),
        classes=head.shape[1] if head is not None else 1000,
    )


def _our_name(module: str, layout: WeightLayout) -> str | None:
    for ours, theirs in layout.ends.items():
        if module == theirs:
            return ours
    match = re.match(re.escape(layout.block).replace(r"\{\}", r"(\d+)"), module)
    for ours, theirs in layout.parts.items():
        if match and module == match[0] + theirs:
            return f"conv{int(match[1]) - layout.first + 2}_block{int(match[2]) + 1}_{ours}"
    return None


def _their_name(layer: str, layout: WeightLayout) -> str:
    if layer in layout.ends:
        return layout.ends[layer]
    match = re.fullmatch(r"conv(\d+)_block(\d+)_(.+)", layer)
    if not match or match[3] not in layout.parts:
        raise InputError(f"layer {layer!r} has no name there.")
    block = layout.block.format(int(match[1]) - 2 + layout.first, int(match[2]) - 1)
    return block + layout.parts[match[3]]


def _to_keras(array: np.ndarray, layer: str) -> np.ndarray:
    """Torch has output and input channels first, Keras last; half precision becomes float32."""
    array = np.asarray(array, "float32")
    if layer == HEAD and array.ndim > 1:
        return array.reshape(len(array), -1).T
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def _to_torch(array: np.ndarray, layer: str, layout: WeightLayout) -> np.ndarray:
    if layer == HEAD and array.ndim > 1:
        array = array.T.reshape(*array.T.shape, *layout.head)
    elif array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    return np.ascontiguousarray(array)
