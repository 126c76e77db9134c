"""What a training leaves in its run folder: the model's files, their scores, and the curves."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_resnet import Spec, __version__
from keras_resnet.errors import InputError
from keras_resnet.files import replacing
from keras_resnet.formats import EXACT, FORMATS, load, save
from keras_resnet.metadata import LABELS, Card, lines
from keras_resnet.weights import load as load_weights
from train.data import Split
from train.engine import Scale, network
from train.quiet import quiet
from train.recipe import Recipe
from train.run import CURVES, HISTORY, WEIGHTS, read_classes, read_record

MAX_DIFFERENCE = 0.001  # of accuracy, between the Keras model and an exported file: 0.1 points


def deliver(folder: Path, model: keras.Model, card: Card) -> None:
    """Writes a model in the exact formats, its weights alone, and the names of its classes."""
    with quiet():
        save(model, folder, EXACT, card)
    with replacing(folder / WEIGHTS) as partial:
        model.save_weights(partial)
    with replacing(folder / LABELS) as partial:
        partial.write_text(lines(card.labels), encoding="utf-8")


def card(
    record: dict[str, Any], classes: Sequence[str], author: str = "", license: str = ""
) -> Card:
    """What the files of a run say of themselves."""
    data = record["dataset"]["name"]
    return Card(
        name=f"{record['model']} for {data}",
        description=f"Gives the probability of each class of {data} for an image.",
        author=author,
        license=license,
        labels=tuple(classes),
    )


class Restored(NamedTuple):
    """A finished run, as far as its files need it."""

    model: keras.Model
    recipe: Recipe
    card: Card
    spec: Spec
    scale: Scale


def restore(folder: Path, author: str = "", license: str = "") -> Restored:
    """Builds the model of a finished run again, from the record of the run and its weights.

    Args:
        folder: Of the run.
        author: For the card.
        license: For the card.

    Raises:
        InputError: if a file is missing or damaged, or this version cannot build the network.
    """
    record, classes = read_record(folder), read_classes(folder)
    try:
        spec, recipe = Spec(**record["spec"]), Recipe(**record["recipe"])
        scale = record["normalization"]["mean"], record["normalization"]["deviation"]
        made, model = card(record, classes, author, license), network(spec, scale, "softmax")
    except (TypeError, KeyError, ValueError) as error:
        version = record.get("versions", {}).get("keras_resnet", "unknown")
        raise InputError(
            f"{folder} was made by version {version} of keras_resnet, and {__version__} cannot "
            f"build its network ({str(error).rstrip('.')}): use that version, or train again."
        ) from error
    if not (folder / WEIGHTS).is_file():
        status = record.get("status")
        raise InputError(f"no {folder / WEIGHTS}: the run is {status!r}, not finished.")
    load_weights(model, spec, folder / WEIGHTS)
    return Restored(model, recipe, made, spec, scale)


def score(folder: Path, split: Split) -> dict[str, dict[str, float]]:
    """Scores the exact formats on the same images: `scores` of each, against the Keras model."""
    rows, reference = {}, None
    for name in EXACT:
        with quiet():
            probabilities = load(folder, name)(split.images)
        if not np.isfinite(probabilities).all():
            raise InputError(
                f"{FORMATS[name].file} gives probabilities that are not finite: "
                "lower --learning_rate."
            )
        reference = probabilities if reference is None else reference
        rows[name] = scores(probabilities, reference, split)
    return rows


def scores(probabilities: np.ndarray, reference: np.ndarray, split: Split) -> dict[str, float]:
    """Scores predictions.

    Args:
        probabilities: `(n, classes)`, for all images.
        reference: The same of the Keras model.
        split: The images, of which only the labels are looked at.

    Returns:
        `accuracy` (0 to 1), `crossentropy` (nats), and `max_difference`, the largest by which a
        probability differs from the reference.
    """
    right = probabilities[np.arange(len(split.labels)), split.labels]
    return {
        "accuracy": float(np.mean(probabilities.argmax(-1) == split.labels)),
        "crossentropy": float(-np.mean(np.log(np.maximum(right, 1e-7)))),
        "max_difference": float(np.abs(probabilities - reference).max()),
    }


def check_agreement(scores: dict[str, dict[str, float]]) -> None:
    """Compares the accuracy of every format with the Keras model's.

    Raises:
        InputError: if one differs by more than `MAX_DIFFERENCE`.
    """
    expected = scores["keras"]["accuracy"]
    for name, values in scores.items():
        if round(abs(values["accuracy"] - expected), 9) > MAX_DIFFERENCE:
            raise InputError(
                f"{FORMATS[name].file} scores {values['accuracy']:.2%} on the test images and the "
                f"Keras model {expected:.2%}, more than {MAX_DIFFERENCE * 100:.1f} percentage "
                "points apart: do not use this file, which is kept for inspection."
            )


def draw(folder: Path) -> None:
    """Draws `history.csv` as loss and accuracy over the epochs, training and validation."""
    with open(folder / HISTORY, newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) for row in rows]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            values = [float(row[key]) for row in rows if row.get(key)]
            if values:
                axes.plot(epochs, values, marker=".", label=label)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(folder / CURVES) as partial:
        figure.savefig(partial, format="png", dpi=120)
