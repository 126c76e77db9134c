"""What a file tells of its network, compared with the network that is to take its weights.

Weights of the same names and shapes may be of another network: without shortcuts, in another order
of activations, with the stride elsewhere. Keras writes the layers of a model beside its weights.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeGuard

import keras
import numpy as np

from keras_resnet.spec.preprocessing import Preprocessing
from keras_resnet.utils.errors import InputError
from keras_resnet.weights.readers import HEAD

# What a layer computes with, by its arguments in Keras; a missing one is not compared.
# `spacing` is in place of strides and dilation, see `_spaced`.
MEANING = ("spacing", "padding", "groups", "use_bias", "epsilon", "activation", "pool_size")
# Of layers without weights.
BETWEEN = ("spacing", "padding", "activation", "pool_size", "scale", "offset")
CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")
WEIGHTED = (*CONVOLUTIONS, "BatchNormalization", "Dense")
FREE = ("Dropout", "InputLayer", "Activation:linear")
# Free, too, where they take the images; operations are those of `preprocess_input`.
PREPARING = (
    "Normalization", "Rescaling", "Cast", "Subtract", "TrueDivide", "Add", "GetItem", "Stack",
)  # fmt: skip
IMAGES = "the images"
Pair = tuple[int, ...]  # for rows and columns


class Layer(NamedTuple):
    """A layer of a config."""

    kind: str
    meaning: dict[str, Any]
    inputs: tuple[str, ...]  # names of the layers that it takes, without those that are free


def compare(model: keras.Model, config: dict[str, Any], pairs: Mapping[str, str]) -> None:
    """Compares a model with the config of the one whose weights it is to take.

    Each layer with weights must compute the same from the same: what lies between it and the layers
    with weights before it is compared, too. A head, dropout and normalization of images may differ,
    and the config may have more layers. So may the output stride: dilated or not, kernels see the
    same pixels of an image.

    Args:
        model: The network.
        config: Of a Keras model: `{"class_name": ..., "config": {"layers": [...]}}`.
        pairs: By name of a layer of the network, that of the one whose weights it is to take.

    Raises:
        InputError: that names the first layer that computes something else.
    """
    ours, theirs = (_spaced(layers(each)) for each in ({"config": model.get_config()}, config))
    here, there = (
        [name for name, layer in rows.items() if layer.kind in WEIGHTED] for rows in (ours, theirs)
    )
    given = {theirs: ours for ours, theirs in pairs.items()}
    names = {name: given.get(name, name) for name in there}
    our_inputs, their_inputs = _inputs(ours, {name: name for name in here}), _inputs(theirs, names)
    matched = {names[name]: name for name in there}
    for name in here:
        if name == HEAD or name not in matched:
            continue
        layer, other = ours[name], theirs[matched[name]]
        for key in MEANING:
            if key in layer.meaning.keys() & other.meaning.keys():
                one, two = _plain(layer.meaning[key]), _plain(other.meaning[key])
                if one != two:
                    raise InputError(f"layer {name!r} has {key} {two!r} there, and {one!r} here")
        if our_inputs[name] != their_inputs[matched[name]]:
            raise InputError(
                f"layer {name!r} takes something else there than here: other shortcuts, "
                "activations, padding or pooling come before it"
            )
    last = our_inputs[[*ours][-1]]
    if HEAD not in ours and last not in their_inputs.values():
        raise InputError("its last layers compute something else there than here")


def _inputs(rows: dict[str, Layer], names: dict[str, str]) -> dict[str, str]:
    """By name of a layer, a checksum of what it takes: from the layers with weights on."""
    values: dict[str, str] = {}  # what a layer gives: its name if it has weights
    taken: dict[str, str] = {}
    for name, layer in rows.items():
        inputs = [values.get(source, IMAGES) for source in layer.inputs] or [IMAGES]
        taken[name] = _checksum(sorted(inputs))
        meaning = [(key, str(_plain(layer.meaning.get(key)))) for key in BETWEEN]
        values[name] = (
            names[name] if name in names else _checksum([layer.kind, meaning, taken[name]])
        )
    return taken


def _checksum(content: Any) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()


def layers(config: dict[str, Any]) -> dict[str, Layer]:
    """The layers of a model and of the models in it that compute something, by name, in order."""
    found: dict[str, Layer] = {}
    free: dict[str, tuple[str, ...]] = {}  # by name of a layer that is left out: what it takes
    previous = ""
    for row in _rows(config):
        name = row.get("name") or row["config"]["name"]
        taken = [*_taken(row.get("inbound_nodes", []))] or ([previous] if previous else [])
        inputs = tuple(t for source in taken for t in free.get(source, (source,)))
        kind = re.sub(r"V\d$", "", row["class_name"])
        free_kinds = FREE if inputs else FREE + PREPARING
        if kind in free_kinds or f"{kind}:{row['config'].get('activation')}" in FREE:
            free[name] = inputs
        else:
            found[name] = Layer(kind, row["config"], inputs)
        previous = name
    return found


def _spaced(rows: dict[str, Layer]) -> dict[str, Layer]:
    """The same layers, with the pixels of the image between the taps of each kernel as `spacing`.

    That does not change where a stride is left out and later kernels are dilated by it. So that
    nothing else does, what only subsamples is passed over, and padding belongs to the convolution
    that it comes before.
    """
    steps: dict[str, Pair] = {}  # pixels of the image between those of what a layer gives
    passed: dict[str, tuple[str, ...]] = {}  # by name of a layer that is passed over: its inputs
    found: dict[str, Layer] = {}
    for name, layer in rows.items():
        step = next((steps[source] for source in layer.inputs if source in steps), (1, 1))
        steps[name] = _times(step, _pair(layer.meaning.get("strides"), 1))
        inputs = tuple(each for source in layer.inputs for each in passed.get(source, (source,)))
        meaning, window = dict(layer.meaning), _window(layer)
        if window != (1, 1):
            meaning["spacing"] = _times(step, _pair(meaning.get("dilation_rate"), 1))
        if layer.kind in CONVOLUTIONS:
            before = found.get(inputs[0]) if len(inputs) == 1 else None
            if _pads(before, layer):
                inputs, meaning["padding"] = before.inputs, before.meaning["around"]
            else:
                meaning["padding"] = _around(layer, step)
        elif layer.kind == "ZeroPadding2D":
            sides = zip(step, meaning.get("padding", ()), strict=False)
            meaning["around"] = tuple(_times((n, n), _pair(side, 0)) for n, side in sides)
        elif layer.kind == "MaxPooling2D" and window == (1, 1):
            passed[name] = inputs
        found[name] = Layer(layer.kind, meaning, inputs)
    return found


def _pads(before: Layer | None, layer: Layer) -> TypeGuard[Layer]:
    """Whether a layer pads the images, and not the channels, that a convolution takes."""
    return (
        before is not None
        and before.kind == "ZeroPadding2D"
        and layer.meaning.get("padding") == "valid"
        and before.meaning.get("data_format") == layer.meaning.get("data_format")
    )


def _around(layer: Layer, step: Pair) -> Any:
    """The zeros around images that a convolution's own padding amounts to, as `ZeroPadding2D`'s."""
    window, padding = _window(layer), layer.meaning.get("padding")
    if padding == "valid" or window == (1, 1):
        return ((0, 0), (0, 0))
    if padding == "same" and _pair(layer.meaning.get("strides"), 1) == (1, 1):
        sides = zip(step, _pair(layer.meaning.get("dilation_rate"), 1), window, strict=True)
        totals = ((n, dilation * (size - 1)) for n, dilation, size in sides)
        return tuple((n * (total // 2), n * (total - total // 2)) for n, total in totals)
    return padding  # under a stride it depends on the size of the images


def _window(layer: Layer) -> Pair:
    return _pair(layer.meaning.get("kernel_size", layer.meaning.get("pool_size")), 1)


def _pair(value: Any, default: int) -> Pair:
    """Numbers for rows and columns, as Keras writes them."""
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    legal = len(pair) == 2 and all(type(number) is int for number in pair)
    return pair if legal else (default, default)


def _times(one: Pair, other: Pair) -> Pair:
    return tuple(a * b for a, b in zip(one, other, strict=True))


def _rows(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in config["config"]["layers"]:
        if "layers" in row["config"]:  # a model in the model
            yield from _rows(row)
        else:
            yield row


def _taken(nodes: Any) -> Iterator[str]:
    """The names of the layers in the `inbound_nodes` of Keras 3 or 2."""
    if isinstance(nodes, dict):
        if "keras_history" in nodes:
            yield nodes["keras_history"][0]
        else:
            for part in nodes.values():
                yield from _taken(part)
    elif isinstance(nodes, list | tuple):
        if nodes and isinstance(nodes[0], str):  # ["name", 0, 0, {}]
            yield nodes[0]
        else:
            for part in nodes:
                yield from _taken(part)


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def read_normalization(config: dict[str, Any]) -> Preprocessing | None:
    """What the first layer of a model does to images, if it is `Normalization` with known numbers.

    Args:
        config: Of a Keras model, as for `compare`.
    """
    rows = [*_rows(config)]
    inputs = [row["config"] for row in rows if row["class_name"] == "InputLayer"]
    first = next((row for row in rows if row["class_name"] != "InputLayer"), None)
    settings = first["config"] if first and first["class_name"] == "Normalization" else {}
    mean, variance = (np.ravel(settings.get(key) or ()) for key in ("mean", "variance"))
    if not len(mean) or len(mean) != len(variance):
        return None
    known = Preprocessing(mean=tuple(mean.tolist()), std=tuple(np.sqrt(variance).tolist()))
    shape = inputs[0].get("batch_shape") if inputs else None
    if not shape or None in shape[1:3]:
        return known
    return replace(known, size=tuple(shape[1:3]), crop_ratio=1.0)
