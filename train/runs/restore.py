"""Finished runs, built again from their records and weights."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import keras

from keras_resnet import __version__, families
from keras_resnet.export.card import ModelCard
from keras_resnet.families import NetworkConfig
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.framing import Framing
from keras_resnet.utils.schema import parse
from keras_resnet.weights.loading import read, transfer
from train.data.statistics import Normalization
from train.runs.files import WEIGHTS
from train.runs.record import intact, read_classes, read_finished
from train.settings.recipe import Recipe
from train.trainer.model import network_model

FRAMING = {field.name for field in fields(Framing)}


def model_card(
    record: dict[str, Any], classes: Sequence[str], author: str = "", license: str = ""
) -> ModelCard:
    """The description of a run's model inside its files."""
    data = record["data"]["name"]
    return ModelCard(
        name=f"{record['model']} for {data}",
        description=f"Gives the probability of each class of {data} for an image.",
        author=author,
        license=license,
        labels=tuple(classes),
        framing=Framing(**{key: value for key, value in record["data"].items() if key in FRAMING}),
    )


class FinishedRun(NamedTuple):
    """A finished run, as far as exporting it needs it."""

    record: dict[str, Any]  # `run.json`
    model: keras.Model  # of raw images, to probabilities
    recipe: Recipe
    card: ModelCard
    network: NetworkConfig
    normalization: Normalization


def restore(folder: Path, author: str = "", license: str = "") -> FinishedRun:
    """Builds the model of a finished run again, from the record of the run and its weights.

    Args:
        folder: Of the run.
        author: For the card.
        license: For the card.

    Raises:
        InputError: if a file is missing or damaged, or this version cannot build the network.
    """
    record = read_finished(folder)
    classes = read_classes(folder, record)
    network = families.from_json(record["network"])
    recipe = parse(Recipe, record["recipe"], "recipe")
    normalization = Normalization(**record["normalization"])
    card = model_card(record, classes, author, license)
    weights = intact(folder, record, WEIGHTS)
    try:
        model = network_model(network, normalization, "softmax")
    except (TypeError, KeyError, ValueError) as error:
        version = record.get("versions", {}).get("keras_resnet", "unknown")
        raise InputError(
            f"{folder} was made by version {version} of keras_resnet, and {__version__} cannot "
            f"build its network ({str(error).rstrip('.')}): use that version, or train again."
        ) from error
    transfer(read(weights, verified=True), model, str(weights))
    return FinishedRun(record, model, recipe, card, network, normalization)
