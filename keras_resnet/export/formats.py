"""The formats that a classifier is exported as: how each is written, and read back to predict.

TensorFlow is imported by those that need it: all but `.keras`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from os.path import exists
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_resnet.export import checksums
from keras_resnet.export.card import DEFAULT_CARD, ModelCard
from keras_resnet.export.files import EXACT, FORMAT_FILES, QUANTIZER, QUANTIZERS, TFLITE
from keras_resnet.export.source import ExportSource, find_source
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, check_type, lookup, sentence, shorten
from keras_resnet.utils.extras import explain_missing
from keras_resnet.utils.fields import check_path
from keras_resnet.weights.saved import load_model

Predict = Callable[[np.ndarray], np.ndarray]  # (n, height, width, channels) to (n, classes)

BATCH = 100  # images at a time when reading back


def _write_keras(source: ExportSource, path: Path) -> None:
    source.model.save(path)


def _read_keras(path: Path) -> Predict:
    checksums.check_archive(path)
    return _in_batches(load_model(path).predict_on_batch)


def _write_saved_model(source: ExportSource, path: Path) -> None:
    from keras_resnet.export import saved_model

    saved_model.write(source.model, path, source.card.labels, source.card.framing)


def _read_saved_model(path: Path) -> Predict:
    from keras_resnet.export import saved_model

    checksums.check_sums(path)
    return _in_batches(saved_model.load(path))


def _write_tflite(conversion: str, source: ExportSource, path: Path) -> None:
    from keras_resnet.export import tflite
    from keras_resnet.export.metadata import add_metadata

    settings: tuple[Any, ...] = (source.shape, source.calibration, source.quantizer)
    tflite.convert(source.folded, path, conversion, *settings)
    path.write_bytes(add_metadata(path.read_bytes(), source.card, source.outputs))


def _read_tflite(path: Path) -> Predict:
    from keras_resnet.export import tflite

    checksums.check_tflite(path)
    return _in_batches(tflite.read(path))


def _write_onnx(source: ExportSource, path: Path) -> None:
    from keras_resnet.export import onnx

    onnx.write(source.folded, path, source.card, source.outputs)


def _read_onnx(path: Path) -> Predict:
    from keras_resnet.export import onnx

    checksums.check(path.read_bytes())
    return _in_batches(onnx.load(path))


class Format(NamedTuple):
    """A file format."""

    write: Callable[[ExportSource, Path], None]
    read: Callable[[Path], Predict]


FORMATS = {
    "keras": Format(_write_keras, _read_keras),
    "saved_model": Format(_write_saved_model, _read_saved_model),
    "onnx": Format(_write_onnx, _read_onnx),
} | {name: Format(partial(_write_tflite, name), _read_tflite) for name in TFLITE}


def save(
    model: keras.Model,
    folder: str | Path,
    formats: Sequence[str] = EXACT,
    card: ModelCard = DEFAULT_CARD,
    calibration: np.ndarray | None = None,
    quantizer: str = QUANTIZER,
    image_size: tuple[int, int] | None = None,
) -> None:
    """Exports a float32 classifier to a folder in some `FORMATS`, all of them or none.

    Args:
        model: `(batch, height, width, channels)` raw images, float 0 to 255, to `(batch, classes)`
            of softmax, of sigmoid, as where images may be of several classes, or logits; of stock
            layers. A model that computes in half precision would give a `.tflite` that phones
            refuse, so it must be float32. `int8` files are of probabilities only.
        folder: Made if missing.
        formats: Keys of `FORMATS`.
        card: Description of the model. Its labels, one for each output, go into SavedModel and
            `.tflite` and `.onnx` files.
        calibration: For `int8` and `int16x8`: `(n, height, width, channels)` raw images, 0 to 255,
            a few hundred of the training images.
        quantizer: A key of `QUANTIZERS`.
        image_size: Height and width that `.tflite` files take, of a model of images of any size.

    Raises:
        InputError: if the model is not such a classifier, if the labels are not one for each
            class, if images to calibrate with are missing, of another size or not raw, if a
            `.tflite` file would not take bytes as pixels, or if a format is unknown.
        OSError: if the folder cannot be written to.
        TypeError: if `folder` is no path, or `card` no `ModelCard`.
    """
    if isinstance(formats, str):  # whose letters would be names
        raise InputError(f"formats must be a list of names; got {shorten(formats)}.")
    check_type("formats", formats, Sequence, "a list of names")
    rows = {name: lookup(FORMATS, name, "format") for name in formats}  # each once
    lookup(QUANTIZERS, quantizer, "quantizer")
    folder = check_path("folder", folder)
    check_type("card", card, ModelCard, "a ModelCard")
    source = find_source(model, rows, card, calibration, quantizer, image_size)
    if exists(folder) and not folder.is_dir():
        raise InputError(f"{folder} is a file: give a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with explain_missing(), ExitStack() as files:  # they get their names when all are written
        for name, row in rows.items():
            file = FORMAT_FILES[name]
            new = replacing(folder / file, folder=not Path(file).suffix)
            row.write(source, files.enter_context(new))


def load(folder: str | Path, format: str = "keras") -> Predict:
    """Reads a classifier back as a plain function of images.

    Args:
        folder: Where `save` wrote.
        format: A key of `FORMATS`.

    Returns:
        A function from `(n, height, width, channels)` images, numbers of any type, 0 to 255, to
        `(n, classes)` float32 probabilities, or logits if the model gave such; if it cannot
        compute, it raises an `InputError`, too.

    Raises:
        InputError: if the file is missing or damaged, or the format unknown.
        TypeError: if `folder` is no path.
    """
    lookup(FORMATS, format, "format")
    path = check_path("folder", folder) / FORMAT_FILES[format]
    if not exists(path):  # which, unlike the path's own, takes a name of any length
        raise InputError(f"no {path}: is {str(folder)!r} the folder of a finished run?")
    return read(path, format)


def read(path: Path, format: str) -> Predict:
    """Reads a file of any name, see `load`.

    Raises:
        InputError: if it is missing or damaged.
    """
    with _explained(f"cannot read {path}"), explain_missing():
        if not (path.is_file() if path.suffix else path.is_dir()):
            raise ValueError(f"it is no {'file' if path.suffix else 'folder'}")
        predict = FORMATS[format].read(path)

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
        images = np.asarray(images)
        if images.ndim != 4 or not len(images):
            raise InputError(
                f"images are {images.shape}: give (n, height, width, channels), at least one."
            )
        # All formats take these two; a SavedModel has a function for each, and no others.
        dtype = np.uint8 if images.dtype == np.uint8 else np.float32
        batches = (images[i : i + BATCH] for i in range(0, len(images), BATCH))
        return np.concatenate([predict(batch.astype(dtype, copy=False)) for batch in batches])

    return whole
