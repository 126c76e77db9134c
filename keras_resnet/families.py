"""Families of networks: what training, records, export and prediction know of a network.

A network is described by a frozen dataclass of plain data, its config, and a family says how such a
config becomes a Keras model. A new family is a row of `FAMILIES`; `Spec` is the config of the first
one. Nothing of a family is imported before it is used.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import lru_cache
from math import prod
from pkgutil import resolve_name
from typing import Any, NamedTuple

from keras_resnet.spec.config import NetworkConfig
from keras_resnet.utils.errors import InputError, check_model, check_type, lookup, shorten
from keras_resnet.utils.seeds import same_seeds


class Family(NamedTuple):
    """A kind of networks. Every entry is `"package.module:name"`, imported at the first use."""

    config: str  # the dataclass, a `NetworkConfig`
    # (config, input_tensor=, input_shape=, classifier_activation=) -> keras.Model, float32
    # normalized images to classes; the last layer is named `predictions`.
    build: str
    parameters: str = "keras_resnet.families:count_parameters"  # config -> int, trainable ones
    macs: str = "keras_resnet.families:count_macs"  # config -> int, for one image
    # (config, model that `build` made) -> [(share of the loss, logits)]: more heads, for training.
    auxiliary_heads: str = "keras_resnet.families:no_heads"


FAMILIES: dict[str, Family] = {
    "resnet": Family(
        config="keras_resnet.spec:Spec",
        build="keras_resnet.network:ResNet",
        parameters="keras_resnet.spec:parameters",
        macs="keras_resnet.spec:macs",
    ),
    "lenet": Family(
        config="keras_resnet.spec.comparison:LeNetSpec",
        build="keras_resnet.comparison.lenet:build",
    ),
    "alexnet": Family(
        config="keras_resnet.spec.comparison:AlexNetSpec",
        build="keras_resnet.comparison.alexnet:build",
        parameters="keras_resnet.spec.comparison.chain:chain_parameters",
        macs="keras_resnet.spec.comparison.chain:chain_macs",
    ),
    "vgg": Family(
        config="keras_resnet.spec.comparison:VGGSpec",
        build="keras_resnet.comparison.vgg:build",
        parameters="keras_resnet.spec.comparison.chain:chain_parameters",
        macs="keras_resnet.spec.comparison.chain:chain_macs",
    ),
    "googlenet": Family(
        config="keras_resnet.spec.comparison:GoogLeNetSpec",
        build="keras_resnet.comparison.googlenet:build",
        auxiliary_heads="keras_resnet.comparison.googlenet:auxiliary_heads",
    ),
}

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")  # names of a layer's in Keras


def family_of(config: NetworkConfig) -> str:
    """The key in `FAMILIES` of a network's family.

    Raises:
        TypeError: if it is of none.
    """
    for name, family in FAMILIES.items():
        if resolve_name(family.config) is type(config):
            return name
    raise TypeError(
        f"{shorten(config)} is no network config of the families {', '.join(FAMILIES)}."
    )


def build(config: NetworkConfig, **arguments: Any):
    """Builds the Keras model of a network.

    Args:
        config: The network.
        **arguments: `input_tensor`, `input_shape` and `classifier_activation`, as in `ResNet`; the
            families of this package take its other arguments, too.

    Returns:
        A `keras.Model` of `(batch, height, width, channels)` float, normalized images to `(batch,
        classes)` float32, whose last layer is named `predictions`.

    Raises:
        InputError: for impossible arguments.
        TypeError: if `config` is of no family.
    """
    return _part(config, "build")(config, **arguments)


def auxiliary_heads(config: NetworkConfig, model) -> list[tuple[float, Any]]:
    """More heads of a network, for training alone: GoogLeNet's, say.

    Args:
        config: The network.
        model: What `build` made of it.

    Returns:
        For each its share in the loss, and a tensor of logits, `(batch, classes)`.
    """
    return _part(config, "auxiliary_heads")(config, model)


def no_heads(config: NetworkConfig, model) -> list[tuple[float, Any]]:
    """None: most networks have one head."""
    return []


def parameters(config: NetworkConfig) -> int:
    """The number of trainable parameters of a network."""
    return _part(config, "parameters")(config)


def macs(config: NetworkConfig) -> int:
    """The multiply-accumulates of a network's convolutions and dense layers, for one image."""
    return _part(config, "macs")(config)


def to_json(config: NetworkConfig) -> dict[str, Any]:
    """A network as a JSON object: its family and the fields of its config."""
    return {"family": family_of(config), **asdict(config)}


def from_json(content: Mapping[str, Any]) -> NetworkConfig:
    """The network in what `to_json` returned.

    Raises:
        InputError: if the family is unknown, or has no such network.
        TypeError: if it is no JSON object.
    """
    from keras_resnet.utils.schema import parse

    check_type("a network", content, Mapping, "a JSON object")
    fields = dict(content)
    family = lookup(FAMILIES, fields.pop("family", None), "family of networks")
    return parse(resolve_name(family.config), fields)


def count_parameters(config: NetworkConfig) -> int:
    """Counts the trainable parameters of the built model."""
    return _counts(config)[0]


def count_macs(config: NetworkConfig) -> int:
    """Counts the multiply-accumulates of the built model's convolutions and dense layers."""
    return _counts(config)[1]


@lru_cache(maxsize=64)  # building takes seconds, and who asks for one number asks for the other
def _counts(config: NetworkConfig) -> tuple[int, int]:
    with same_seeds():
        model = build(config)
    return sum(prod(variable.shape) for variable in model.trainable_variables), model_macs(model)


def model_macs(model) -> int:
    """Counts the multiply-accumulates of a Keras model's convolutions and dense layers.

    Those of the models in it count, too.

    Raises:
        InputError: if it is not built, or it or a model in it takes images of any size.
        TypeError: if it is no `keras.Model`.
    """
    check_model(model)
    return sum(map(layer_macs, model.layers))


def layer_macs(layer) -> int:
    """The multiply-accumulates of a layer of a Keras model; 0 if it has no kernel.

    Raises:
        InputError: if the size of its maps is not known.
    """
    import keras

    if isinstance(layer, keras.Model):
        return model_macs(layer)
    kernels = [getattr(layer, name) for name in KERNELS if hasattr(layer, name)]
    if not kernels:
        return 0
    first = getattr(layer, "data_format", None) == "channels_first"
    places = layer.output.shape[2:] if first else layer.output.shape[1:-1]
    if None in places:
        raise InputError(
            f"layer {layer.name!r} makes maps of any size, {places}, whose multiply-accumulates "
            "cannot be counted: build its model with an input_shape."
        )
    return sum(prod(kernel.shape) for kernel in kernels) * prod(places)


def _part(config: NetworkConfig, part: str) -> Callable[..., Any]:
    return resolve_name(getattr(FAMILIES[family_of(config)], part))


__all__ = [
    "FAMILIES", "Family", "NetworkConfig", "auxiliary_heads", "build", "family_of",
    "from_json", "layer_macs", "macs", "model_macs", "parameters", "to_json",
]  # fmt: skip
