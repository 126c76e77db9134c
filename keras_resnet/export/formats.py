"""The formats that a classifier is exported as: how each is written, and read back to predict."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from os import PathLike, fspath
from os.path import exists
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_resnet.export import checksums, saved_model, tflite
from keras_resnet.export.files import EXACT, FORMAT_FILES, QUANTIZERS, check_labels
from keras_resnet.export.fold import fold
from keras_resnet.export.metadata import DEFAULT_CARD, ModelCard, add_metadata
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, check_type, lookup, sentence, shorten
from keras_resnet.utils.fields import MOST, check_number
from keras_resnet.utils.fields import path as usable
from keras_resnet.weights.saved import load_model

Predict = Callable[[np.ndarray], np.ndarray]  # (n, height, width, channels) to (n, classes)
Shape = tuple[int | None, int | None, int]  # height, width, channels; None is any size

BATCH = 100  # images at a time when reading back
SIDE = 224  # of images to try, where a model takes any
BRIGHTEST = 1000  # times as bright as an image: for that, logits are no probabilities any more


@dataclass
class ExportSource:
    """A model to export, with what else goes into the files."""

    model: keras.Model
    shape: Shape  # of an image
    exclusive: bool  # whether probabilities add up to 1
    card: ModelCard
    calibration: np.ndarray | None
    quantizer: str

    @cached_property
    def folded(self) -> keras.Model:
        """The model rewritten for phones, checked to compute the same."""
        noise = _noise(self.shape)
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


def _noise(shape: Shape) -> np.ndarray:
    """One image of uniform noise."""
    size = (1, *(side or SIDE for side in shape))
    return np.random.default_rng(0).uniform(0, 255, size).astype("float32")


def _write_keras(source: ExportSource, path: Path) -> None:
    source.model.save(path)


def _read_keras(path: Path) -> Predict:
    checksums.check_archive(path)
    return _in_batches(load_model(path).predict_on_batch)


def _write_saved_model(source: ExportSource, path: Path) -> None:
    saved_model.write(source.model, path, source.card.labels, source.card.framing)


def _read_saved_model(path: Path) -> Predict:
    checksums.check_sums(path)
    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    if not hasattr(loaded, "serve"):
        raise ValueError("it has no function `serve`")
    return _in_batches(lambda images: loaded.serve(tf.constant(images)).numpy())


def _write_tflite(conversion: str, source: ExportSource, path: Path) -> None:
    settings: tuple[Any, ...] = (source.shape, source.calibration, source.quantizer)
    tflite.convert(source.folded, path, conversion, *settings)
    path.write_bytes(add_metadata(path.read_bytes(), source.card, source.exclusive))


def _read_tflite(path: Path) -> Predict:
    checksums.check_tflite(path)
    return _in_batches(tflite.read(path))


class Format(NamedTuple):
    """A file format."""

    write: Callable[[ExportSource, Path], None]
    read: Callable[[Path], Predict]


FORMATS = {
    "keras": Format(_write_keras, _read_keras),
    "saved_model": Format(_write_saved_model, _read_saved_model),
} | {name: Format(partial(_write_tflite, name), _read_tflite) for name in tflite.CONVERSIONS}


def save(
    model: keras.Model,
    folder: str | Path,
    formats: Sequence[str] = EXACT,
    card: ModelCard = DEFAULT_CARD,
    calibration: np.ndarray | None = None,
    quantizer: str = "converter",
    image_size: tuple[int, int] | None = None,
) -> None:
    """Exports a float32 classifier to a folder in some `FORMATS`, all of them or none.

    Args:
        model: `(batch, height, width, channels)` raw images, float 0 to 255, to `(batch, classes)`
            probabilities, of softmax or sigmoid, of stock layers. A model that computes in half
            precision would give a `.tflite` that phones refuse, so it must be float32.
        folder: Made if missing.
        formats: Keys of `FORMATS`.
        card: Description of the model. Its labels, one for each output, go into SavedModel and
            `.tflite` files.
        calibration: For `int8` and `int16x8`: `(n, height, width, channels)` raw images, 0 to 255,
            a few hundred of the training images.
        quantizer: A key of `QUANTIZERS`.
        image_size: Height and width that `.tflite` files take, of a model of images of any size.

    Raises:
        InputError: if the model is not such a classifier, if the labels are not one for each
            class, if images to calibrate with are missing, of another size or not raw, or if a
            `.tflite` file would not take bytes as pixels.
        OSError: if the folder cannot be written to.
    """
    rows = {name: lookup(FORMATS, name, "format") for name in formats}  # each once
    lookup(QUANTIZERS, quantizer, "quantizer")
    check_type("folder", folder, str | PathLike, "a path")
    check_type("card", card, ModelCard, "a ModelCard")
    _check(model)
    shape = _image_shape(model, image_size, any(name in tflite.CONVERSIONS for name in rows))
    exclusive = _check_outputs(model, shape)
    check_labels(card.labels, model.output_shape[-1])
    if calibration is not None:
        calibration = _check_calibration(calibration, shape)
    source = ExportSource(model, shape, exclusive, card, calibration, quantizer)
    folder = Path(usable("folder", fspath(folder)))
    if exists(folder) and not folder.is_dir():
        raise InputError(f"{folder} is a file: give a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:  # they get their names when all are written
        for name, row in rows.items():
            file = FORMAT_FILES[name]
            new = replacing(folder / file, folder=not Path(file).suffix)
            row.write(source, files.enter_context(new))


def _check(model: keras.Model) -> None:
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise InputError(f"{shorten(model)} is not a functional keras.Model with known inputs.")
    taken, given = model.input_shape, model.output_shape
    single = isinstance(taken, tuple) and isinstance(given, tuple)
    if not single or (len(taken), len(given)) != (4, 2) or None in (taken[-1], given[-1]):
        raise InputError(
            f"the model takes {taken} and gives {given}; a classifier of images takes (batch, "
            "height, width, channels) and gives (batch, classes), channels and classes known."
        )
    mixed = [la.name for la in model.layers if la.weights and la.compute_dtype != "float32"]
    if mixed:
        raise InputError(
            f"layer {mixed[0]!r} computes in {model.get_layer(mixed[0]).compute_dtype}: "
            "build the model again under the float32 policy and copy the weights before saving."
        )
    # Of outputs alone it could not be told: ReLU makes zeros of NaN on some processors.
    broken = [w.path for w in model.weights if not np.isfinite(np.array(w)).all()]
    if broken:
        raise InputError(
            f"weight {broken[0]!r} is NaN or infinite: train again with a lower learning rate, or "
            "load weights that are finite."
        )


def _image_shape(model: keras.Model, size: tuple[int, int] | None, needed: bool) -> Shape:
    """The shape of images: the model's own, or if it takes any size, the one that was given."""
    *sides, channels = model.input_shape[1:]
    if size is None:
        if needed and None in sides:
            raise InputError(
                f"the model takes images of {(*sides, channels)}, and a .tflite file takes one "
                "size: give image_size=(height, width), or build it with an input_shape."
            )
        return (*sides, channels)
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise InputError(f"image_size must be (height, width); got {shorten(size)}.")
    for side, known in zip(size, sides, strict=True):
        check_number("image_size", side, int, 1, MOST)
        if known not in (None, side):
            raise InputError(
                f"image_size is {tuple(size)}, and the model takes {tuple(sides)}: leave it out."
            )
    return (*size, channels)


def _check_outputs(model: keras.Model, shape: Shape) -> bool:
    """Checks that outputs are probabilities, and tells whether they add up to 1."""
    noise = _noise(shape)
    try:
        outputs, bright = model.predict_on_batch(np.concatenate([noise, noise * BRIGHTEST]))
    except Exception as error:  # TensorFlow's have no class of their own
        raise InputError(
            f"the model cannot compute images of {noise.shape[1:]} ({sentence(error)}): give "
            "another image_size, or build it of other layers."
        ) from error
    if not np.isfinite(outputs).all():
        raise InputError(
            "the model gives NaN or infinity for an image of noise: lower its weights."
        )
    activation, classes = _last_activation(model), len(outputs)
    low, high = np.nanmin([outputs, bright]), np.nanmax([outputs, bright])
    if activation is keras.activations.linear or low < -1e-3 or high > 1 + 1e-3:
        raise InputError(
            f"the outputs of the model, {low:.3g} to {high:.3g} for noise, are no probabilities: "
            "end it in softmax, keras.Model(model.inputs, keras.layers.Softmax()(model.outputs[0]))"
            ", or in keras.layers.Activation('sigmoid') where images may be of several classes."
        )
    if activation is keras.activations.softmax and classes == 1:
        raise InputError(
            "the softmax of one output is 1 for every image: build the model with "
            "classifier_activation='sigmoid'."
        )
    return classes > 1 and bool(np.abs(outputs.sum() - 1) < 1e-3)


def _last_activation(model: keras.Model) -> Callable | None:
    """The activation of the layer that gives the outputs, if it has one."""
    last = [layer for layer in model.layers if layer.output is model.outputs[0]]
    return getattr(last[0], "activation", None) if last else None


def _check_calibration(images: np.ndarray, shape: Shape) -> np.ndarray:
    """Checks that images are raw ones, as the model will get them."""
    images = np.asarray(images)
    if images.dtype.kind not in "uif":
        raise InputError(
            f"images to calibrate with are an array of {images.dtype}: give numbers, 0 to 255."
        )
    known = tuple(side or given for side, given in zip(shape, images.shape[1:], strict=False))
    if images.shape[1:] != known:
        raise InputError(
            f"images to calibrate with are {images.shape[1:]}, and the model takes {shape}: "
            "scale them."
        )
    if not len(images):
        return images  # `convert` says what needs some
    low, high = float(images.min()), float(images.max())
    if not (0 <= low < high <= 255 and high > 1):  # of NaN, nothing of this is true
        raise InputError(
            f"images to calibrate with have values from {low:g} to {high:g}: give raw training "
            "images, 0 to 255 and not all alike, before anything prepares them."
        )
    return images


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
    lookup(FORMATS, format, "format")
    check_type("folder", folder, str | PathLike, "a path")
    path = Path(folder) / FORMAT_FILES[format]
    if not exists(path):  # which, unlike the path's own, takes a name of any length
        raise InputError(f"no {path}: is {str(folder)!r} the folder of a finished run?")
    return read(path, format)


def read(path: Path, format: str) -> Predict:
    """Reads a file of any name, see `load`.

    Raises:
        InputError: if it is missing or damaged.
    """
    with _explained(f"cannot read {path}"):
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
        if np.ndim(images) != 4 or not len(images):
            raise InputError(
                f"images are {np.shape(images)}: give (n, height, width, channels), at least one."
            )
        parts = [predict(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        return np.concatenate(parts)

    return whole
