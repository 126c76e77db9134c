"""Checkpoints of other packages: their names for our layers, their networks as our specs."""

import re
from typing import NamedTuple

import numpy as np

from keras_resnet.spec.blocks import BLOCKS, STEMS
from keras_resnet.spec.cost import parameters
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import InputError, shorten_list
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
MISSING = 4_000_000  # weights that may be missing, which has a message of its own: heads, blocks
TORCH = (TORCHVISION, TIMM_D, TIMM_V2, TRANSFORMERS)
# Other names for the same, in the same places; a head may stand in a `Sequential`.
SYNONYMS = (
    (re.compile(r"^(linear|classifier|fc)(\.\d+)?\."), "fc."),
    (re.compile(r"^(layer\d+\.\d+\.)shortcut\.(?=\d)"), r"\1downsample."),
)
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


def recognize_state(state: State) -> tuple[Weights, Spec, WeightLayout]:
    """A state dict of Torch as Keras's weights, with the network that they are for.

    Raises:
        InputError: if it is of no network of this family, naming what is left over.
    """
    found = dict.fromkeys(
        name.removesuffix(layout.anchor)
        for layout in TORCH
        for name in state
        if name == layout.anchor or name.endswith(f".{layout.anchor}")
    )
    if not found:
        raise InputError(
            "it is not of a ResNet of torchvision, timm or transformers, as it has no "
            f"{TORCHVISION.anchor}, but {shorten_list(list(state))}."
        )
    if len(found) > 1:
        prefixes = " and ".join(map(repr, found))
        raise InputError(
            f"it holds {len(found)} networks, with {prefixes} before their names: save one alone."
        )
    (prefix,) = found
    plain = {_plain(name, prefix): array for name, array in state.items()}
    layout = min(TORCH, key=lambda row: len(from_state(plain, row)[1]))
    weights, unknown = from_state(plain, layout)
    if unknown:
        raise InputError(f"it has what no network of this family has: {shorten_list(unknown)}.")
    try:
        spec = infer(weights, layout)
    except InputError as error:
        raise InputError(f"it is not of a network of this family: {error}") from None
    there = sum(array.size for arrays in weights.values() for array in arrays.values())
    if parameters(spec) > 4 * there + MISSING:
        raise InputError(
            f"its shapes are of a network with {parameters(spec):,} weights, and it has {there:,}."
        )
    return (append_channels(weights, spec) if spec.shortcut == "A" else weights), spec, layout


def _plain(name: str, prefix: str) -> str:
    name = name.removeprefix(prefix)
    for pattern, plain in SYNONYMS:
        name = pattern.sub(plain, name)
    return name


def recognize_keras(weights: Weights) -> tuple[Weights, Spec | None, WeightLayout | None]:
    """Keras's weights as they are; or by our names, with their network, if keras-hub's.

    Raises:
        InputError: if they are keras-hub's, of no network of this family.
    """
    if "stack0_block0_1_conv" not in weights:
        return weights, None, None
    layout = KERAS_HUB_V2 if "post_bn" in weights else KERAS_HUB
    named = {_our_name(layer, layout) or layer: arrays for layer, arrays in weights.items()}
    return named, infer(named, layout), layout


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
    stem = _kernels(weights, "conv1_1_conv", "conv1_2_conv", "conv1_conv")
    branch = _kernels(weights, *(f"conv2_block1_{i}_conv" for i in (1, 2, 3)))
    stems = {(row.kernel, row.shares): name for name, row in STEMS.items()}
    square = all(kernel.ndim == 4 and 0 not in kernel.shape for kernel in stem + branch)
    shares = tuple(kernel.shape[-1] / stem[-1].shape[-1] for kernel in stem) if square else ()
    name = stems.get((len(stem[0]), shares)) if stem else None
    if len(branch) < 2 or name is None:
        shapes = ", ".join(str(kernel.shape) for kernel in stem + branch) or "none"
        raise InputError(f"the kernels of its stem and first block are {shapes}.")
    kernels = tuple(len(kernel) for kernel in branch)
    width = branch[0].shape[-1]
    expansion = branch[-1].shape[-1] / width
    # All of these packages have the stride on a 3x3 convolution.
    rows = [(block, row.kernels[row.strided], *row[:2]) for block, row in BLOCKS.items()]
    block = next((block for block, *row in rows if row == [3, kernels, expansion]), None)
    if block is None:
        raise InputError(f"its blocks have kernels {kernels} and widen {expansion:g} times.")
    firsts = [weights[f"conv{stage}_block1_1_conv"] for stage in sorted(set(stages))]
    widths = [first["kernel"].shape[-1] for first in firsts]
    multiplier = max(1.0, width / stem[-1].shape[-1])  # stages may be wider than the stem
    head = weights.get(HEAD, {}).get("kernel")
    default = DEFAULTS.get(name, IMAGENET)
    return Spec(
        blocks=blocks,
        widths=tuple(round(w / multiplier) for w in widths),
        width_multiplier=multiplier,
        block=block,
        activation_order=layout.activation_order,
        shortcut=layout.shortcut if any(la.endswith("_0_conv") for la in weights) else "A",
        stem=name,
        variant=layout.variant,
        input_shape=(default.side, default.side, stem[0].shape[2]),
        classes=head.shape[1] if head is not None else default.classes,
    )


def _kernels(weights: Weights, *names: str) -> list[np.ndarray]:
    return [weights[name]["kernel"] for name in names if "kernel" in weights.get(name, ())]


class Default(NamedTuple):
    """What a file does not say of a network, by its stem."""

    side: int
    classes: int


IMAGENET = Default(224, 1000)
DEFAULTS = {"cifar": Default(32, 10)}


def append_channels(weights: Weights, spec: Spec) -> Weights:
    """The weights of a network whose shortcuts pad channels on both sides, for one that appends.

    As akamaster/pytorch_resnet_cifar10 pads them (option A): the same function, its channels in
    another order.

    Args:
        weights: By our names.
        spec: Their network, with option A.
    """
    expansion = BLOCKS[spec.block].expansion
    before = order = np.arange(spec.stem_width)
    moved = {name: dict(arrays) for name, arrays in weights.items()}
    for stage, count in enumerate(spec.blocks):
        channels = spec.width(stage) * expansion
        margin = (channels - len(before)) // 2
        if channels == len(before):
            order = before
        else:
            padding = np.r_[0:margin, margin + len(before) : channels]
            order = np.concatenate([margin + before, padding])
        for index in range(count):
            name = f"conv{stage + 2}_block{index + 1}"
            last = len(BLOCKS[spec.block].kernels)
            inputs = before if index == 0 else order
            moved[f"{name}_1_conv"]["kernel"] = moved[f"{name}_1_conv"]["kernel"][:, :, inputs]
            for layer in (f"{name}_{last}_conv", f"{name}_{last}_bn"):
                moved[layer] = {key: array[..., order] for key, array in moved[layer].items()}
        before = order
    if HEAD in moved:
        moved[HEAD]["kernel"] = moved[HEAD]["kernel"][order]
    return moved


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
    """Torch has output and input channels first, Keras last."""
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
