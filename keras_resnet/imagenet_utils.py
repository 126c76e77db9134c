"""What goes into a classifier and what comes out, under the names of `keras.applications`."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
from keras.applications import imagenet_utils

from keras_resnet.spec.preprocessing import MODES, Preprocessing
from keras_resnet.utils.errors import InputError, check_type, lookup, shorten
from keras_resnet.utils.fields import MOST, check_number

AXES = {"channels_last": -1, "channels_first": -3}  # of the channels
KERAS = ("caffe", "tf", "torch")  # modes of its own

CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


@keras.saving.register_keras_serializable("keras_resnet")  # for models that hold it in a `Lambda`
def preprocess_input(x, data_format: str | None = None, mode: str = "caffe"):
    """Prepares raw images for a network, as its weights expect them.

    Unlike in `keras.applications`, the argument is never changed in place.

    Args:
        x: Images, `(..., height, width, 3)` or channels first, 0 to 255, RGB: a NumPy array of any
            type, nested lists, or a tensor.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for Keras's own setting.
        mode: A key of `MODES`.

    Returns:
        The images in the same shape; integers become Keras's float type.

    Raises:
        InputError: a `ValueError`, if the mode or data format is unknown, or there are not 3
            channels where that says how they are prepared.
        TypeError: if these are no numbers.
    """
    return prepare(x, lookup(MODES, mode, "mode"), data_format)


def prepare(x, preprocessing: Preprocessing, data_format: str | None = None):
    """Prepares raw images as a record says, see `preprocess_input`: the same in all but `mode`."""
    given = keras.config.image_data_format() if data_format is None else data_format
    axis = lookup(AXES, given, "data_format")
    if isinstance(x, np.ndarray | list | tuple):
        x = np.array(x)
    kind, channels = _kind(x), len(preprocessing.mean)
    if len(x.shape) < 3 or (channels > 1 and x.shape[axis] not in (channels, None)):
        raise InputError(
            f"images must be (..., height, width, {channels}), or channels first if data_format "
            f"says so; got {tuple(x.shape)}."
        )
    if "float" not in kind:
        cast = np.asarray if isinstance(x, np.ndarray) else keras.ops.cast
        x = cast(x, keras.config.floatx())
    elif not isinstance(x, np.ndarray) and not keras.backend.is_keras_tensor(x):
        x = keras.ops.copy(x)
    mode = preprocessing.mode
    if mode in KERAS and (axis == -1 or len(x.shape) < 5):  # of more, it takes another axis
        return imagenet_utils.preprocess_input(x, data_format=given, mode=mode)
    shape = (channels, *[1] * (-1 - axis))
    mean, std = (np.reshape(v, shape) for v in (preprocessing.mean, preprocessing.std))
    x = (x - mean.astype("float32")) / std.astype("float32")
    if preprocessing.channels == "BGR":
        x = x[..., ::-1] if axis == -1 else x[..., ::-1, :, :]
    return x


def _kind(x) -> str:
    """The type of numbers of images, by Keras's name."""
    try:
        kind = keras.backend.standardize_dtype(x.dtype)
    except (AttributeError, ValueError):
        kind = "none"
    if not any(word in kind for word in ("float", "int", "bool")):
        raise TypeError(f"images must be an array or a tensor of numbers; got {shorten(x)}.")
    return kind


def _preprocessing(mode: str) -> Callable:
    """`preprocess_input` in a mode: a function of this module, so that Keras can save and load."""

    def preprocess(x, data_format: str | None = None):
        return preprocess_input(x, data_format, mode)

    preprocess.__name__ = preprocess.__qualname__ = f"preprocess_{mode}"
    preprocess.__doc__ = f"""Prepares raw images, RGB, 0 to 255, to {MODES[mode]}.

    The arguments, the result and the errors are those of `preprocess_input`.
    """
    return keras.saving.register_keras_serializable("keras_resnet")(preprocess)


preprocess_caffe = _preprocessing("caffe")
preprocess_tf = _preprocessing("tf")
preprocess_torch = _preprocessing("torch")
preprocess_cifar10 = _preprocessing("cifar10")
PREPROCESSING = {
    "caffe": preprocess_caffe,
    "tf": preprocess_tf,
    "torch": preprocess_torch,
    "cifar10": preprocess_cifar10,
}


def with_preprocessing(model: keras.Model, preprocessing: Preprocessing | None) -> keras.Model:
    """The model with what its weights carry, if that is known.

    Returns:
        The same model, with `preprocessing`, the record, and `preprocess_input(x,
        data_format=None)`, which does what that says. Both are plain attributes, which
        `model.save` leaves out; `keras_resnet.save_model` and `load_model` keep them.
    """
    if preprocessing:
        mode = preprocessing.mode
        model.preprocessing = preprocessing
        model.preprocess_input = (
            PREPROCESSING[mode] if mode else partial(prepare, preprocessing=preprocessing)
        )
    return model


@cache
def imagenet_classes() -> tuple[tuple[str, str], ...]:
    """WordNet's number and name of each of the 1,000 classes of ILSVRC 2012, in order."""
    text = Path(__file__).with_name("imagenet_classes.txt").read_text()
    return tuple((number, name) for number, name in map(str.split, text.splitlines()))


def decode_predictions(preds, top: int = 5, classes: Sequence | None = None) -> list[list[tuple]]:
    """Names the most probable classes.

    Args:
        preds: Predictions, `(images, classes)`.
        top: How many to name.
        classes: The classes in order, each a name or a pair of an identifier and a name; by
            default those of ImageNet.

    Returns:
        For each image a list of `(identifier, name, score)`, the highest score first.

    Raises:
        InputError: if there is not one prediction for each class.
        TypeError: if the classes are no names.
    """
    if isinstance(classes, str):  # whose letters would be names
        raise InputError(f"classes must be a list of names; got {shorten(classes)}.")
    check_type("classes", classes, Iterable | None, "a list of names, or None")
    pairs = imagenet_classes() if classes is None else [_pair(row) for row in classes]
    top = check_number("top", top, int, 1, MOST)
    preds = keras.ops.convert_to_numpy(preds)
    if preds.ndim != 2 or preds.shape[1] != len(pairs):
        raise InputError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape "
            f"(samples, {len(pairs)})), or else classes=[...], a name for each column. "
            f"Received array with shape: {preds.shape}"
        )
    return [[(*pairs[i], row[i]) for i in row.argsort()[::-1][:top]] for row in preds]


def decode_cifar10(preds, top: int = 5, classes: Sequence | None = CIFAR10) -> list[list[tuple]]:
    """`decode_predictions` for the classes of CIFAR-10."""
    return decode_predictions(preds, top, classes)


def _pair(row) -> tuple[str, str]:
    if isinstance(row, str):
        return row, row
    expected = "a name, or a pair of an identifier and a name"
    check_type("each of classes", row, tuple | list, expected)
    if len(row) != 2:
        raise InputError(f"each of classes must be {expected}; got {shorten(row)}.")
    return tuple(row)
