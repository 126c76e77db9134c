"""The run folder: what a training leaves behind, and the record `run.json` over it."""

import csv
import json
import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import keras_resnet
from keras_resnet.errors import InputError
from keras_resnet.formats import FORMATS, load, replacing, save
from train.data import Split
from train.quiet import quiet

RECORD, LABELS, HISTORY, CURVES = "run.json", "labels.txt", "history.csv", "curves.png"
MAX_DIFFERENCE = 0.001  # of accuracy, between the Keras model and what was exported: 0.1 points


def begin(folder: Path, description: dict[str, Any], overwrite: bool) -> None:
    """Claims a folder for a run and notes in it what the run is.

    Args:
        folder: Made if missing.
        description: Model, spec, recipe, data...: what makes two runs the same.
        overwrite: Whether to remove another run that is there.

    Raises:
        InputError: if the folder holds something else, or another run that may not go.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not (folder / RECORD).is_file():
            raise InputError(
                f"{folder} is not empty and holds no run: choose another --output_dir."
            )
        if not overwrite:
            _refuse(folder, description)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, {"status": "training", **description})


def _refuse(folder: Path, description: dict[str, Any]) -> None:
    """Only an unfinished run of the very same description may be started again unasked."""
    there = read_record(folder)
    differing = [
        key for key, value in json.loads(json.dumps(description)).items() if there.get(key) != value
    ]
    if there.get("status") != "training" or differing:
        what = f"of another {differing[0]}" if differing else f"that is {there.get('status')}"
        raise InputError(
            f"{folder} already holds a run {what}: choose another --output_dir, or add "
            "--overwrite to replace it."
        )


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Writes `run.json`, whole or not at all."""
    with replacing(folder / RECORD) as partial:
        partial.write_text(json.dumps(record, indent=2) + "\n")


def read_record(folder: Path) -> dict[str, Any]:
    """Reads `run.json`.

    Raises:
        InputError: if it is missing or damaged.
    """
    try:
        return json.loads((folder / RECORD).read_text())
    except FileNotFoundError:
        raise InputError(
            f"no {folder / RECORD}: {str(folder)!r} is not the folder of a run."
        ) from None
    except ValueError as error:
        raise InputError(f"{folder / RECORD} is damaged ({error}): train again.") from error


def deliver(folder: Path, model: keras.Model, classes: tuple[str, ...]) -> None:
    """Writes the model in every format, its weights alone, and the names of its classes."""
    with quiet():  # the converter talks
        save(model, folder)
    with replacing(folder / "model.weights.h5") as partial:
        model.save_weights(partial)
    with replacing(folder / LABELS) as partial:
        partial.write_text("".join(f"{name}\n" for name in classes))


def score(folder: Path, split: Split) -> dict[str, dict[str, float]]:
    """Scores every delivered format on the same images.

    Returns:
        For each format `accuracy` (0 to 1), `crossentropy` (nats), and `max_difference`, the
        largest by which one of its probabilities differs from the Keras model's.
    """
    scores, reference = {}, None
    for name in FORMATS:
        with quiet():
            probabilities = load(folder, name)(split.images)
        reference = probabilities if reference is None else reference
        right = probabilities[np.arange(len(split.labels)), split.labels]
        scores[name] = {
            "accuracy": float(np.mean(probabilities.argmax(-1) == split.labels)),
            "crossentropy": float(-np.mean(np.log(np.maximum(right, 1e-7)))),
            "max_difference": float(np.abs(probabilities - reference).max()),
        }
    return scores


def disagreement(scores: dict[str, dict[str, float]]) -> str | None:
    """Says which format scores differently from the Keras model, if one does."""
    keras_accuracy = scores["keras"]["accuracy"]
    for name, values in scores.items():
        if abs(values["accuracy"] - keras_accuracy) > MAX_DIFFERENCE:
            return (
                f"{FORMATS[name].file} scores {values['accuracy']:.2%} on the test images, the "
                f"Keras model {keras_accuracy:.2%}: more than {MAX_DIFFERENCE * 100:.1f} points "
                "apart."
            )
    return None


def draw(folder: Path) -> None:
    """Draws `history.csv` as loss and accuracy over the epochs, training and validation."""
    with open(folder / HISTORY, newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in rows[0]:
                axes.plot(epochs, [float(row[key]) for row in rows], marker=".", label=label)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(folder / CURVES) as partial:
        figure.savefig(partial, format="png", dpi=120)


def environment() -> dict[str, Any]:
    """Versions and hardware, for the record."""
    packages = ("tensorflow", "keras", "numpy", "tensorflow-datasets", "ai-edge-litert")
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "versions": {
            "python": platform.python_version(),
            "keras_resnet": keras_resnet.__version__,
            **{name: version(name) for name in packages},
        },
        "hardware": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "gpus": [tf.config.experimental.get_device_details(g).get("device_name") for g in gpus],
        },
    }


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
