"""The formats that a classifier is exported as: how each is written, and read back to predict."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from os import PathLike
from os.path import exists
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_resnet.export import saved_model, tflite
from keras_resnet.export.files import EXACT, FORMAT_FILES, QUANTIZERS, check_labels
from keras_resnet.export.fold import fold
from keras_resnet.export.metadata import DEFAULT_CARD, ModelCard, add_metadata
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, check_type, lookup, sentence, shorten
from keras_resnet.weights.saved import load_model

Predict = Callable[[np.ndarray], np.ndarray]  # (n, height, width, channels) to (n, classes)

BATCH = 100  # images at a time when reading back


@dataclass
class ExportSource:
    """A model to export, with what else goes into the files."""

    model: keras.Model
    card: ModelCard
    calibration: np.ndarray | None
    quantizer: str

    @cached_property
    def folded(self) -> keras.Model:
        """The model rewritten for phones, checked to compute the same."""
        noise = _noise(self.model)
        try:
            folded = fold(self.model)
            difference = folded.predict_on_batch(noise) - self.model.predict_on_batch(noise)
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.model.name} cannot be folded ({sentence(error)}): {PLAIN}"
            ) from error
        if not np.abs(difference).max() < 1e-3:
            raise InputError(f"{self.model.name} computes differently when folded: {PLAIN}")
        return folded


PLAIN = "build it of stock layers, each used once, with channels last."


def _noise(model: keras.Model) -> np.ndarray:
    """One image of uniform noise."""
    return np.random.default_rng(0).uniform(0, 255, (1, *model.input_shape[1:])).astype("float32")


def _write_keras(source: ExportSource, path: Path) -> None:
    source.model.save(path)


def _read_keras(path: Path) -> Predict:
    return _in_batches(load_model(path).predict_on_batch)


def _write_saved_model(source: ExportSource, path: Path) -> None:
    saved_model.write(source.model, path, source.card.labels)


def _read_saved_model(path: Path) -> Predict:
    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    return _in_batches(lambda images: loaded.serve(tf.constant(images)).numpy())


def _write_tflite(conversion: str, source: ExportSource, path: Path) -> None:
    tflite.convert(source.folded, path, conversion, source.calibration, source.quantizer)
    path.write_bytes(add_metadata(path.read_bytes(), source.card))


class Format(NamedTuple):
    """A file format."""

    write: Callable[[ExportSource, Path], None]
    read: Callable[[Path], Predict]


FORMATS = {
    "keras": Format(_write_keras, _read_keras),
    "saved_model": Format(_write_saved_model, _read_saved_model),
} | {
    name: Format(partial(_write_tflite, name), lambda path: _in_batches(tflite.read(path)))
    for name in tflite.CONVERSIONS
}


def save(
    model: keras.Model,
    folder: str | Path,
    formats: Sequence[str] = EXACT,
    card: ModelCard = DEFAULT_CARD,
    calibration: np.ndarray | None = None,
    quantizer: str = "converter",
) -> None:
    """Exports a float32 classifier to a folder in some `FORMATS`, all of them or none.

    Args:
        model: `(batch, height, width, channels)` raw images, float 0 to 255, to `(batch, classes)`
            probabilities, of stock layers. A model that computes in half precision would give a
            `.tflite` that phones refuse, so it must be float32.
        folder: Made if missing.
        formats: Keys of `FORMATS`.
        card: Description of the model. Its labels go into SavedModel and `.tflite` files.
        calibration: For `int8` and `int16x8`: `(n, height, width, channels)` raw images, 0 to 255,
            a few hundred of the training images.
        quantizer: A key of `QUANTIZERS`.

    Raises:
        InputError: if the model is not such a classifier, if the labels are not one for each
            class, or images to calibrate with are missing or of another size.
        OSError: if the folder cannot be written to.
    """
    rows = {name: lookup(FORMATS, name, "format") for name in formats}  # each once
    lookup(QUANTIZERS, quantizer, "quantizer")
    check_type("folder", folder, str | PathLike, "a path")
    _check(model, card, calibration)
    source = ExportSource(model, card, calibration, quantizer)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:  # they get their names when all are written
        for name, row in rows.items():
            file = FORMAT_FILES[name]
            new = replacing(folder / file, folder=not Path(file).suffix)
            row.write(source, files.enter_context(new))


def _check(model: keras.Model, card: ModelCard, calibration: np.ndarray | None) -> None:
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise InputError(f"{shorten(model)} is not a functional keras.Model with known inputs.")
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
        `(n, classes)` float32 probabilities; if it cannot compute, it raises an `InputError`, too.

    Raises:
        InputError: if the file is missing or damaged, or the format unknown.
    """
    row = lookup(FORMATS, format, "format")
    check_type("folder", folder, str | PathLike, "a path")
    path = Path(folder) / FORMAT_FILES[format]
    if not exists(path):  # which, unlike the path's own, takes a name of any length
        raise InputError(f"no {path}: is {str(folder)!r} the folder of a finished run?")
    with _explained(f"cannot read {path}"):
        predict = row.read(path)

    def explained(images):
        with _explained(f"cannot predict with {path}"):
            return predict(images)

    return explained


@contextmanager
def _explained(problem: str) -> Iterator[None]:
    """Turns what three libraries say of a damaged file into one sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # they raise nearly any kind
        raise InputError(f"{problem} ({sentence(error)}): train or export again.") from error


def _in_batches(predict: Predict) -> Predict:
    def whole(images):
        parts = [predict(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        return np.concatenate(parts)

    return whole
