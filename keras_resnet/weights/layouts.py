"""How other packages name the layers of our networks, and lay out their weights."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_resnet.utils.errors import InputError
from keras_resnet.weights.readers import HEAD, Weights
from keras_resnet.weights.state import State


class WeightLayout(NamedTuple):
    """How a package names the parts of a network, and what else sets its networks apart."""

    activation_order: str
    variant: str
    block: str  # prefix of the names in a block: number of the stage, and of the block from 0
    parts: dict[str, str]  # in a block, from our name
    ends: dict[str, str]  # before and after the blocks, from our name
    first: int = 0  # number of the first stage
    shortcut: str = "B"  # where it has one with weights
    head: tuple[int, ...] = ()  # more axes of the head's kernel
    source: str = ""  # whose it is, for people

    @property
    def anchor(self) -> str:
        """The array by which a state dict is known, and the prefix of its names."""
        return f"{self.block.format(self.first, 0)}{self.parts['1_conv']}.weight"


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
    source="torchvision or timm",
)
TIMM_D = TORCHVISION._replace(  # its networks whose names end in d or t
    parts=TORCHVISION.parts | {"0_conv": "downsample.1", "0_bn": "downsample.2"},
    ends=TORCHVISION.ends
    | {
        **{f"conv1_{i + 1}_conv": f"conv1.{3 * i}" for i in (0, 1)},
        **{f"conv1_{i + 1}_bn": f"conv1.{3 * i + 1}" for i in (0, 1)},
        "conv1_conv": "conv1.6",
    },
    shortcut="D",
    source="timm",
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
    source="timm",
)
TRANSFORMERS = WeightLayout(
    activation_order="original",
    variant="paper",
    block="encoder.stages.{}.layers.{}.",
    parts={
        "0_conv": "shortcut.convolution",
        "0_bn": "shortcut.normalization",
        **{f"{i}_conv": f"layer.{i - 1}.convolution" for i in (1, 2, 3)},
        **{f"{i}_bn": f"layer.{i - 1}.normalization" for i in (1, 2, 3)},
    },
    ends={
        "conv1_conv": "embedder.embedder.convolution",
        "conv1_bn": "embedder.embedder.normalization",
        HEAD: "fc",
    },
    source="Hugging Face transformers",
)
TORCH = (TORCHVISION, TIMM_D, TIMM_V2, TRANSFORMERS)
KERAS_HUB = WeightLayout(  # the backbone of a preset: the networks of torchvision
    activation_order="original",
    variant="paper",
    block="stack{}_block{}_",
    parts={f"{i}_{kind}": f"{i}_{kind}" for i in range(4) for kind in ("conv", "bn")},
    ends={"conv1_conv": "conv1_conv", "conv1_bn": "conv1_bn"},
    source="keras-hub",
)
KERAS_HUB_V2 = WeightLayout(  # with pre-activation: those of timm
    activation_order="full_preact",
    variant="timm_v2",
    block=KERAS_HUB.block,
    parts={"preact_bn": "pre_activation_bn", **KERAS_HUB.parts},
    ends={"conv1_conv": "conv1_conv", "post_bn": "post_bn"},
    source="keras-hub",
)

_CONV = {"weight": "kernel", "bias": "bias"}
_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
COUNTER = "num_batches_tracked"  # of each normalization: Keras has no such thing


def from_state(state: State, name_of: Callable[[str], str | None]) -> tuple[Weights, list[str]]:
    """Arrays by Torch's names as arrays by ours, and the names that have no place.

    Args:
        state: The arrays.
        name_of: Our name of a layer, from that of Torch's module; that of a normalization ends in
            "bn". `None` if we have no such layer.
    """
    weights: Weights = {}
    unknown = []
    for name, array in state.items():
        module, _, variable = name.rpartition(".")
        layer = name_of(module)
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


def our_name(module: str, layout: WeightLayout) -> str | None:
    """Our name of a layer, from theirs; `None` if they have no such layer."""
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
    """Torch has output and input channels first, Keras last."""
    array = np.asarray(array, "float32")
    if array.ndim == 2 or (layer == HEAD and array.ndim > 1):
        return array.reshape(len(array), -1).T
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def _to_torch(array: np.ndarray, layer: str, layout: WeightLayout) -> np.ndarray:
    if layer == HEAD and array.ndim > 1:
        array = array.T.reshape(*array.T.shape, *layout.head)
    elif array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    return np.ascontiguousarray(array)
