"""Families of networks: what training, records, export and prediction know of a network.

A network is described by a frozen dataclass of plain data, its config, and a family says how such a
config becomes a Keras model. A new family is a row of `FAMILIES`; `Spec` is the config of the first
one. Nothing of a family is imported before it is used.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import prod
from pkgutil import resolve_name
from typing import Any, ClassVar, NamedTuple, Protocol

from keras_resnet.utils.errors import InputError, check_type, lookup, shorten


class NetworkConfig(Protocol):
    """The description of a network: a frozen dataclass, whose fields are the keys of a record."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""

    @property
    def classes(self) -> int:
        """Number of classes."""

    # What makes a class a dataclass, to the type checker.
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def check_size(self, *sides: int | None) -> None:
        """Raises an `InputError` if images of these sides are too small; `None` is any side."""


class Family(NamedTuple):
    """A kind of networks. Every entry is `"package.module:name"`, imported at the first use."""

    config: str  # the dataclass, a `NetworkConfig`
    # (config, input_tensor=, input_shape=, classifier_activation=) -> keras.Model, float32
    # normalized images to classes; the last layer is named `predictions`.
    build: str
    parameters: str = "keras_resnet.families:count_parameters"  # config -> int, trainable ones
    macs: str = "keras_resnet.families:count_macs"  # config -> int, for one image


FAMILIES: dict[str, Family] = {
    "resnet": Family(
        config="keras_resnet.spec:Spec",
        build="keras_resnet.network:ResNet",
        parameters="keras_resnet.spec:parameters",
        macs="keras_resnet.spec:macs",
    ),
}


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
        **arguments: `input_tensor`, `input_shape` and `classifier_activation`, as in `ResNet`.
    """
    return _part(config, "build")(config, **arguments)


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
    return sum(prod(variable.shape) for variable in build(config).trainable_variables)


def count_macs(config: NetworkConfig) -> int:
    """Counts the multiply-accumulates of the built model's convolutions and dense layers."""
    return model_macs(build(config))


def model_macs(model) -> int:
    """Counts the multiply-accumulates of a Keras model's convolutions and dense layers.

    Raises:
        TypeError: if it is no `keras.Model`.
    """
    from keras_resnet.network import check_model

    check_model(model)
    return sum(
        prod(layer.kernel.shape) * prod(layer.output.shape[1:-1])
        for layer in model.layers
        if hasattr(layer, "kernel")
    )


def _part(config: NetworkConfig, part: str) -> Callable[..., Any]:
    return resolve_name(getattr(FAMILIES[family_of(config)], part))


__all__ = [
    "FAMILIES", "Family", "InputError", "NetworkConfig", "build", "family_of", "from_json", "macs",
    "model_macs", "parameters", "to_json",
]  # fmt: skip
