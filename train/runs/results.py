"""What a training leaves in its run folder: the model's files, their scores, and curves."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_resnet.export import onnx
from keras_resnet.export.card import ModelCard
from keras_resnet.export.files import FORMAT_FILES, FRAMING
from keras_resnet.export.formats import load, save
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.labels import LABELS, lines
from keras_resnet.utils.schema import write_json
from train.backend import backend
from train.data.dataset import Split
from train.runs import history
from train.runs.files import CURVES, WEIGHTS
from train.utils.hdf5 import pack
from train.utils.probabilities import losses
from train.utils.quiet import quiet

MAX_DIFFERENCE = 0.001  # of accuracy, between the Keras model and an exported file: 0.1 points


def write_formats(
    folder: Path, model: keras.Model, card: ModelCard, more: Sequence[str] = ()
) -> None:
    """Writes a model in the exact formats that the backend can, its weights, and its classes.

    Args:
        folder: Of the run.
        model: Of raw images.
        card: Description of the model.
        more: Keys of `FORMAT_FILES` that need no calibration.
    """
    with quiet(), backend().explain_writing():
        save(model, folder, (*backend().FORMATS, *more), card)
    write_weights(folder, model, card)
    write_framing(folder, model, card)


def check_more(more: Sequence[str]) -> None:
    """Checks, before a training, that its model can be written in formats beside the usual ones.

    Raises:
        InputError: if not.
    """
    if not more:
        return
    if not can_export():
        raise InputError(
            f"{', '.join(more)} needs Keras on TensorFlow: leave it out, and make the file with "
            "train.export then."
        )
    onnx.check_packages()


def can_export() -> bool:
    """Whether the backend writes other files than `.keras`."""
    return "saved_model" in backend().FORMATS


def write_weights(folder: Path, model: keras.Model, card: ModelCard) -> None:
    """Writes the weights of a model, and the names of its classes: `restore` needs no more.

    Kernels of a recipe with `half_kernels` take 0.4 times the space.
    """
    with replacing(folder / WEIGHTS) as partial:
        model.save_weights(partial)
        pack(partial)
    with replacing(folder / LABELS) as partial:
        partial.write_text(lines(card.labels), encoding="utf-8")


def write_framing(folder: Path, model: keras.Model, card: ModelCard) -> None:
    """Writes, for apps, how images of any size get the network's: its size, and `Framing`."""
    height, width = model.input_shape[1:3]
    write_json(folder / FRAMING, {"height": height, "width": width, **asdict(card.framing)})


def score(
    folder: Path, split: Split, more: Sequence[str] = ()
) -> tuple[dict[str, dict[str, float]], np.ndarray]:
    """Scores what `write_formats` wrote on the same images.

    Args:
        folder: Of the run.
        split: The images, with their labels.
        more: As for `write_formats`.

    Returns:
        `scores` of each format, against the Keras model; and the `(n, classes)` probabilities that
        this one gives.
    """
    rows: dict[str, dict[str, float]] = {}
    reference = np.empty(0)
    for name in (*backend().FORMATS, *more):
        with quiet():
            probabilities = predict_finite(name, load(folder, name), split)
        reference = reference if rows else probabilities
        rows[name] = scores(probabilities, reference, split)
    return rows, reference


def show(rows: dict[str, dict[str, float]], count: int) -> None:
    """Prints what `score` found of so many images."""
    for name, found in rows.items():
        print(f"{FORMAT_FILES[name]:14} {found['accuracy']:.2%} of {count} test images")


def score_model(model: keras.Model, split: Split) -> dict[str, float]:
    """`scores` of a Keras model as it is."""
    predict = partial(model.predict, verbose=0)
    probabilities = predict_finite("keras", predict, split)
    return scores(probabilities, probabilities, split)


def predict_finite(
    name: str, predict: Callable[[np.ndarray], np.ndarray], split: Split
) -> np.ndarray:
    """What a model gives for all images of a split: `(n, classes)` probabilities.

    Args:
        name: Of its format.
        predict: The model.
        split: The images.

    Raises:
        InputError: if some are NaN or infinite.
    """
    probabilities = split.map(predict)
    check_finite(name, probabilities)
    return probabilities


def check_finite(name: str, probabilities: np.ndarray) -> None:
    """Checks what a file gives.

    Args:
        name: Of its format.
        probabilities: What it gave.

    Raises:
        InputError: if some are NaN or infinite.
    """
    if not np.isfinite(probabilities).all():
        raise InputError(
            f"{FORMAT_FILES[name]} gives probabilities that are not finite: its weights are not, "
            "or too large; train again with a lower --learning_rate."
        )


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
    return {
        "accuracy": float(np.mean(probabilities.argmax(-1) == split.labels)),
        "crossentropy": float(losses(probabilities, split.labels).mean()),
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
                f"{FORMAT_FILES[name]} scores {values['accuracy']:.2%} on the test images and the "
                f"Keras model {expected:.2%}, more than {MAX_DIFFERENCE * 100:.1f} percentage "
                "points apart: do not use this file, which is kept for inspection."
            )


def plot_curves(folder: Path) -> None:
    """Draws `history.csv` as loss and accuracy over the epochs, training and validation."""
    rows = history.read(folder)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            points = [(row["epoch"], row[key]) for row in rows if key in row]
            if points:
                axes.plot(*zip(*points, strict=True), marker=".", label=label)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(folder / CURVES) as partial:
        figure.savefig(partial, format="png", dpi=120)
