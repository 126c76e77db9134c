"""The files a classifier is delivered as: how each is written, and read back to predict.

Needs TensorFlow; `import keras_resnet` does not import this.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf

from keras_resnet import saved_model, tflite
from keras_resnet.deep import deep
from keras_resnet.errors import InputError, lookup
from keras_resnet.files import replacing
from keras_resnet.fold import fold
from keras_resnet.metadata import UNNAMED, Card, check_labels, describe

Predict = Callable[[np.ndarray], np.ndarray]  # (n, height, width, channels) to (n, classes)

BATCH = 100  # images at a time when reading back


@dataclass
class Delivery:
    """A model on its way into files, with what else goes into them."""

    model: keras.Model
    card: Card
    calibration: np.ndarray | None
    quantizer: str

    @cached_property
    def folded(self) -> keras.Model:
        """The model as phones like it, which was seen to compute the same."""
        noise = _noise(self.model)
        try:
            folded = fold(self.model)
            difference = folded.predict_on_batch(noise) - self.model.predict_on_batch(noise)
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f"{self.model.name} cannot be folded ({error}): {PLAIN}") from error
        if not np.abs(difference).max() < 1e-3:
            raise InputError(f"{self.model.name} computes differently when folded: {PLAIN}")
        return folded


PLAIN = "build it of stock layers, each used once, with channels last."


def _noise(model: keras.Model) -> np.ndarray:
    """One image that no network was trained with."""
    return np.random.default_rng(0).uniform(0, 255, (1, *model.input_shape[1:])).astype("float32")


def _write_keras(delivery: Delivery, path: Path) -> None:
    delivery.model.save(path)


def _read_keras(path: Path) -> Predict:
    with deep():
        model = keras.saving.load_model(path, compile=False)
    return _in_batches(model.predict_on_batch)


def _write_saved_model(delivery: Delivery, path: Path) -> None:
    saved_model.write(delivery.model, path, delivery.card.labels)


def _read_saved_model(path: Path) -> Predict:
    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    return _in_batches(lambda images: loaded.serve(tf.constant(images)).numpy())


def _write_tflite(conversion: str, delivery: Delivery, path: Path) -> None:
    tflite.convert(delivery.folded, path, conversion, delivery.calibration, delivery.quantizer)
    path.write_bytes(describe(path.read_bytes(), delivery.card))


class Format(NamedTuple):
    """A way to deliver a model."""

    file: str  # its name in a run folder
    write: Callable[[Delivery, Path], None]
    read: Callable[[Path], Predict]


FORMATS = {
    "keras": Format("model.keras", _write_keras, _read_keras),
    "saved_model": Format("saved_model", _write_saved_model, _read_saved_model),
} | {
    name: Format(
        "model.tflite" if name == "float32" else f"model_{name}.tflite",
        partial(_write_tflite, name),
        lambda path: _in_batches(tflite.read(path)),
    )
    for name in tflite.CONVERSIONS
}
EXACT = ("keras", "saved_model", "float32")  # of the very same outputs, up to rounding


def save(
    model: keras.Model,
    folder: str | Path,
    formats: Sequence[str] = EXACT,
    card: Card = UNNAMED,
    calibration: np.ndarray | None = None,
    quantizer: str = "converter",
) -> None:
    """Writes a float32 classifier into a folder in some `FORMATS`, each whole or not at all.

    Args:
        model: `(batch, height, width, channels)` raw images, float 0 to 255, to `(batch, classes)`
            probabilities, of stock layers. A model that computes in half precision would give a
            `.tflite` that phones refuse, so it must be float32.
        folder: Made if missing.
        formats: Keys of `FORMATS`.
        card: What the files say of the model. Its labels go into SavedModel and `.tflite`.
        calibration: For `int8` and `int16x8`: `(n, height, width, channels)` raw images, 0 to 255,
            a few hundred that the model was trained with.
        quantizer: What quantises, a key of `tflite.QUANTIZERS`.

    Raises:
        InputError: if the model is not such a classifier, if the labels are not one for each
            class, or images to calibrate with are missing or of another size.
        OSError: if the folder cannot be written to.
    """
    rows = dict.fromkeys(lookup(FORMATS, name, "format") for name in formats)  # each once
    lookup(tflite.QUANTIZERS, quantizer, "quantizer")
    _check(model, card, calibration)
    delivery = Delivery(model, card, calibration, quantizer)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:  # they get their names when all are written
        for row in rows:
            new = replacing(folder / row.file, folder=not Path(row.file).suffix)
            row.write(delivery, files.enter_context(new))


def _check(model: keras.Model, card: Card, calibration: np.ndarray | None) -> None:
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise InputError(f"{model!r} is not a functional keras.Model with known inputs.")
    taken, given = model.input_shape, model.output_shape
    single = isinstance(taken, tuple) and isinstance(given, tuple)
    if not single or (len(taken), len(given)) != (4, 2) or None in (*taken[1:], *given[1:]):
        raise InputError(
            f"the model takes {taken} and gives {given}; a classifier of images takes (batch, "
            "height, width, channels), all but the first known, and gives (batch, classes)."
        )
    mixed = [la.name for la in model.layers if la.weights and la.compute_dtype != "float32"]
    if mixed:
        raise InputError(
            f"layer {mixed[0]!r} computes in {model.get_layer(mixed[0]).compute_dtype}: "
            "build the model again under the float32 policy and copy the weights before saving."
        )
    total = float(np.sum(model.predict_on_batch(_noise(model))))
    if not abs(total - 1) < 1e-3:
        raise InputError(
            f"the outputs of the model add up to {total:.4g}, so they are no probabilities: build "
            "it with classifier_activation='softmax', of weights that are finite."
        )
    check_labels(card.labels, given[1])
    if calibration is not None and np.shape(calibration)[1:] != taken[1:]:
        raise InputError(
            f"images to calibrate with are {np.shape(calibration)[1:]}, and the model takes "
            f"{taken[1:]}: scale them."
        )


def load(folder: str | Path, format: str = "keras") -> Predict:
    """Reads a classifier back as a plain function of images.

    Args:
        folder: Where `save` wrote.
        format: A key of `FORMATS`.

    Returns:
        A function from `(n, height, width, channels)` images, uint8 or float 0 to 255, to
        `(n, classes)` float32 probabilities.

    Raises:
        InputError: if the file is missing or damaged, or the format unknown.
    """
    row = lookup(FORMATS, format, "format")
    path = Path(folder) / row.file
    if not path.exists():
        raise InputError(f"no {path}: is {str(folder)!r} the folder of a finished run?")
    try:
        return row.read(path)
    except (OSError, ValueError, RuntimeError, KeyError, BadZipFile) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"cannot read {path} ({reason}): train or export again.") from error


def _in_batches(predict: Predict) -> Predict:
    def whole(images):
        parts = [predict(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        return np.concatenate(parts)

    return whole
