"""What goes into a classifier and what comes out, under the names of `keras.applications`."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
from keras.applications import imagenet_utils

from keras_resnet.utils.errors import InputError, lookup
from keras_resnet.utils.fields import MOST, check_number

MODES = {  # how published weights want their images, by the names of Keras
    "caffe": "BGR, each channel minus its ImageNet mean, 0 to 255: keras.applications' v1",
    "tf": "RGB, -1 to 1: keras.applications' and timm's v2",
    "torch": "RGB, 0 to 1, minus the ImageNet mean, divided by its std: torchvision, timm's v1",
    "cifar10": "RGB, each channel minus its mean on CIFAR-10's training images, divided by its std",
}
# Of each channel of the 50,000 training images, 0 to 255.
CIFAR10_MEAN, CIFAR10_STD = (125.307, 122.95, 113.865), (62.993, 62.089, 66.705)

CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


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
        ValueError: if the mode or data format is unknown.
    """
    if isinstance(x, np.ndarray | list | tuple):
        x = np.array(x)
    elif "float" not in keras.backend.standardize_dtype(x.dtype):
        x = keras.ops.cast(x, keras.config.floatx())
    elif not keras.backend.is_keras_tensor(x):
        x = keras.ops.copy(x)
    if mode == "cifar10":
        formats = {"channels_last": (3,), "channels_first": (3, 1, 1)}
        shape = lookup(formats, data_format or keras.config.image_data_format(), "data_format")
        mean, std = (np.reshape(v, shape) for v in (CIFAR10_MEAN, CIFAR10_STD))
        return (x - mean.astype("float32")) / std.astype("float32")
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode=mode)


def with_preprocessing(model: keras.Model, mode: str | None) -> keras.Model:
    """The model, with a method `preprocess_input(x, data_format=None)` if a mode is known."""
    if mode:
        model.preprocess_input = partial(preprocess_input, mode=mode)
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
    """
    pairs = imagenet_classes() if classes is None else [_pair(row) for row in classes]
    check_number("top", top, int, 1, MOST)
    preds = keras.ops.convert_to_numpy(preds)
    if preds.ndim != 2 or preds.shape[1] != len(pairs):
        raise InputError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape "
            f"(samples, {len(pairs)})), or else classes=[...], a name for each column. "
            f"Received array with shape: {preds.shape}"
        )
    return [[(*pairs[i], row[i]) for i in row.argsort()[::-1][:top]] for row in preds]


def _pair(row) -> tuple[str, str]:
    return (row, row) if isinstance(row, str) else tuple(row)
