"""Whose checkpoint it is, and which network: state dicts of Torch, files of keras-hub."""

import re
from functools import partial
from typing import NamedTuple

import numpy as np

from keras_resnet.spec.blocks import BLOCKS, STEMS
from keras_resnet.spec.cost import parameters
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import InputError, shorten_list
from keras_resnet.weights.layouts import (
    KERAS_HUB,
    KERAS_HUB_V2,
    TORCH,
    TORCHVISION,
    WeightLayout,
    from_state,
    our_name,
)
from keras_resnet.weights.readers import HEAD, Weights
from keras_resnet.weights.state import State

MISSING = 4_000_000  # weights that may be missing, which has a message of its own: heads, blocks
# Other names for the same, in the same places; a head may stand in a `Sequential`.
SYNONYMS = (
    (re.compile(r"^(linear|classifier|fc)(\.\d+)?\."), "fc."),
    (re.compile(r"^(layer\d+\.\d+\.)shortcut\.(?=\d)"), r"\1downsample."),
)


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
    read = [from_state(plain, partial(our_name, layout=row)) for row in TORCH]
    (weights, unknown), layout = min(zip(read, TORCH, strict=True), key=lambda row: len(row[0][1]))
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
    named = {our_name(layer, layout) or layer: arrays for layer, arrays in weights.items()}
    return named, infer(named, layout), layout


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
    # Strides are in no weights: of stems with the same kernels, it is the first of the table.
    stems = {(row.kernel, row.shares): name for name, row in reversed(STEMS.items())}
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
    default = CIFAR if STEMS[name].small_images else IMAGENET
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
CIFAR = Default(32, 10)


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
