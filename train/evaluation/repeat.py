"""The command that repeats a run, from its record. No Keras, no TensorFlow."""

import shlex
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from keras_resnet import families
from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import parse
from train.settings.data import FINETUNE_DATA, DataSettings
from train.settings.networks import MODELS
from train.settings.recipe import Recipe
from train.settings.recipes import FINETUNE, HEAD_FIELDS, PLANNED, RECIPES
from train.utils.table import cell

T = TypeVar("T")

FROM_DATA = ("input_shape", "classes")  # fields of a `Spec` that the images decide


def training_command(record: Mapping[str, Any], folder: Path) -> str | None:
    """The command line that trains a network once more, as its record says.

    Args:
        record: Of a run, as in `run.json`.
        folder: Of that run; the other one goes beside it.

    Returns:
        `None` if the command cannot, see `settings`.
    """
    given = settings(record)
    if given is None:
        return None
    again = folder.with_name(f"{folder.name}_again")
    precision = record.get("execution", {}).get("precision", "")  # the rest is of the machine
    flags = {**given, "precision": precision, "output_dir": again}
    backend = "KERAS_BACKEND=jax " if "jax" in record.get("versions", {}) else ""
    return backend + command_line(program(given), flags)


def program(given: Mapping[str, Any]) -> str:
    """The command that has these flags, as from `settings`: the one whose default the recipe is."""
    if not given["recipe"]:  # of the one command that has no flag for it
        return "train.finetune"
    return "train.imagenet" if given["recipe"].startswith("imagenet") else "train.cifar"


def settings(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Data, network and recipe of a run, by flag of its command, where they are not the default.

    Returns:
        `None` if flags cannot say them: networks of other families are trained from Python if they
            have no name, and a record of another version may name what is no longer there.
    """
    try:
        network = families.from_json(record["network"])
        recipe = parse(Recipe, record["recipe"])
    except InputError:
        return None
    known = named_network(record["model"], network)
    if known is None or "data" not in record:
        return None
    model, changes = known
    if changes and not isinstance(network, Spec):
        return None
    source = record.get("source") or {"dataset": record["data"]["name"], "data_dir": ""}
    if "survey" in record:
        if changes:  # no flags of this command: the weights told the network
            model, changes = "", {}
        named, others, usual = "", _tuned(recipe, network), FINETUNE_DATA
    else:
        named, others = _nearest(RECIPES, recipe)
        usual = replace(DataSettings(), image_size=MODELS[model].input_shape[0])
    return {
        "model": model,
        "recipe": named,
        "weights": record.get("weights", {}).get("source", ""),
        **source,
        **_reading(record["data"], usual),
        **changes,
        **others,
    }


def named_network(model: str, network: Any) -> tuple[str, dict[str, Any]] | None:
    """The named network that a network is nearest to, and the fields that differ.

    Args:
        model: Its name in a record, which is kept if that is one.
        network: Its config.

    Returns:
        `None` if there is no named one of its family.
    """
    alike = {name: spec for name, spec in MODELS.items() if type(spec) is type(network)}
    if not alike:
        return None
    return _nearest({model: alike[model]} if model in alike else alike, network, FROM_DATA)


def network_title(model: str, network: Any) -> str:
    """The named network that a network is nearest to, and what differs: `resnet20 shortcut=B`."""
    name, changes = named_network(model, network) or (model, {})
    return " ".join([name, *(f"{field}={cell(value)}" for field, value in changes.items())])


def _tuned(recipe: Recipe, network: Any) -> dict[str, Any]:
    """The recipe of a fine-tuning, with what was chosen by the time that there was."""
    planned = {name: getattr(recipe, name) for name in PLANNED}  # whatever time there is next
    others = planned | _changes(FINETUNE, recipe, ())
    if isinstance(network, Spec) and recipe.frozen_stages > len(network.blocks):
        kept = {name: there for name, there in others.items() if name in HEAD_FIELDS}
        return {"head_only": True, **kept}
    return others


def command_line(program: str, given: Mapping[str, Any]) -> str:
    """A command with these flags; those with an empty text are left out."""
    texts = {name: _text(value) for name, value in given.items()}
    flags = (f"--{name}={shlex.quote(text)}" for name, text in texts.items() if text)
    return " ".join([f"python -m {program}", *flags])


def _reading(data: Mapping[str, Any], usual: DataSettings) -> dict[str, Any]:
    """How images are read, where that is not usual."""
    named = sorted({field.name for field in fields(DataSettings)} & {*data})
    return {key: data[key] for key in named if data[key] != getattr(usual, key)}


def _nearest(
    table: Mapping[str, T], wanted: T, without: tuple[str, ...] = ()
) -> tuple[str, dict[str, Any]]:
    """The row of a table that differs least from what is wanted, and the fields that differ."""
    differing = {name: _changes(row, wanted, without) for name, row in table.items()}
    name = min(differing, key=lambda name: len(differing[name]))
    return name, differing[name]


def _changes(base: Any, wanted: Any, without: tuple[str, ...]) -> dict[str, Any]:
    pairs = ((f.name, getattr(base, f.name), getattr(wanted, f.name)) for f in fields(wanted))
    return {name: there for name, here, there in pairs if here != there and name not in without}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
