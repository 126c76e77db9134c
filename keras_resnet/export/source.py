"""What is exported: a classifier that is found to be one, with what else goes into the files."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from keras_resnet.export.card import ModelCard
from keras_resnet.export.files import TFLITE
from keras_resnet.utils.errors import InputError, sentence, shorten
from keras_resnet.utils.fields import MOST, check_number
from keras_resnet.utils.labels import check_labels

Shape = tuple[int | None, int | None, int]  # height, width, channels; None is any size

SIDE = 224  # of images to try, where a model takes any
PLAIN = "build it of stock layers, each used once, with channels last."
BYTES = "int8"
TOLERANCE = 1e-3  # of probabilities: more than float32 rounds, less than any user sees
BRIGHTEST = 1000  # times as bright as an image: for that, logits are no probabilities any more


@dataclass
class ExportSource:
    """A model to export, with what else goes into the files."""

    model: keras.Model
    shape: Shape  # of an image
    outputs: str  # a key of `OUTPUTS`
    card: ModelCard
    calibration: np.ndarray | None
    quantizer: str

    @cached_property
    def folded(self) -> keras.Model:
        """The model rewritten for phones, checked to compute the same."""
        from keras_resnet.export.fold import fold

        noise = _noise(self.shape)
        try:
            folded = fold(self.model)
            expected = self.model.predict_on_batch(noise)
            difference = (folded.predict_on_batch(noise) - expected) / max(1, np.ptp(expected))
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.model.name} cannot be folded ({sentence(error)}): {PLAIN}"
            ) from error
        if not np.abs(difference).max() < TOLERANCE:
            raise InputError(f"{self.model.name} computes differently when folded: {PLAIN}")
        return folded


def _noise(shape: Shape) -> np.ndarray:
    """One image of uniform noise."""
    size = (1, *(side or SIDE for side in shape))
    return np.random.default_rng(0).uniform(0, 255, size).astype("float32")


def find_source(
    model: keras.Model,
    formats: Collection[str],
    card: ModelCard,
    calibration: np.ndarray | None,
    quantizer: str,
    image_size: tuple[int, int] | None,
) -> ExportSource:
    """Checks what is to be exported, see `formats.save`.

    Raises:
        InputError: if it is no classifier, or something does not fit it.
    """
    _check(model)
    shape = _image_shape(model, image_size, any(name in TFLITE for name in formats))
    outputs = _check_outputs(model, shape)
    if outputs == "logits" and BYTES in formats:
        raise InputError(
            f"{model.name} gives logits, and bytes of an {BYTES} file are probabilities: end it in "
            "softmax, keras.Model(model.inputs, keras.layers.Softmax()(model.outputs[0])), or in "
            "keras.layers.Activation('sigmoid') where images may be of several classes."
        )
    check_labels(card.labels, model.output_shape[-1])
    if calibration is not None:
        calibration = _check_calibration(calibration, shape)
    return ExportSource(model, shape, outputs, card, calibration, quantizer)


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


def _check_outputs(model: keras.Model, shape: Shape) -> str:
    """Checks outputs, and tells which of `OUTPUTS` they are."""
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
    if activation is keras.activations.linear or low < -TOLERANCE or high > 1 + TOLERANCE:
        return "logits"
    if activation is keras.activations.softmax and classes == 1:
        raise InputError(
            "the softmax of one output is 1 for every image: build the model with "
            "classifier_activation='sigmoid'."
        )
    exclusive = classes > 1 and bool(np.abs(outputs.sum() - 1) < TOLERANCE)
    return "softmax" if exclusive else "sigmoid"


def _last_activation(model: keras.Model) -> Callable | None:
    """The activation of the layer that gives the outputs, if it has one."""
    last = [layer for layer in model.layers if layer.output is model.outputs[0]]
    return getattr(last[0], "activation", None) if last else None


def _check_calibration(images: np.ndarray, shape: Shape) -> np.ndarray:
    """Checks that images are raw ones, as the model will get them."""
    try:
        images = np.asarray(images)
    except ValueError as error:  # rows of several lengths
        raise InputError(f"images to calibrate with are no array ({sentence(error)}).") from error
    if images.dtype.kind not in "uif":
        raise InputError(
            f"images to calibrate with are an array of {images.dtype}: give numbers, 0 to 255."
        )
    if images.ndim != 4 or any(
        known not in (None, side) for known, side in zip(shape, images.shape[1:], strict=True)
    ):
        raise InputError(
            f"images to calibrate with are {images.shape}: give (n, height, width, channels), and "
            f"of these {shape}, as the model takes."
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
