"""What is done to images before the first convolution, as a matrix and a term of each pixel.

The preparation of `keras.applications` (channels turned round, means subtracted, divided by a
number), Keras's layers for it and batch normalization of images are all of this form. What they
make of a few images tells which it is, so that none of them need be known here.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers

from keras_resnet.utils.recursion import functional

SIZE = 32  # of images to try, where a model takes any
TOLERANCE = 1e-5  # of rounding, relative to the largest value

Takers = dict[int, list[Any]]  # by the id of a tensor, the operations that take it


class Preparation(NamedTuple):
    """Operations that make `matrix @ pixel + term` of each pixel, for a convolution.

    Attributes:
        operations: All of them; the last one makes what the convolution, or its padding, takes.
        convolution: The first of the model.
        padded: Whether zeros are put around what is prepared.
        matrix: `(channels that the convolution takes, channels of images)`, float64.
        term: `(channels that the convolution takes,)`, float64.
    """

    operations: list[Any]
    convolution: layers.Conv2D
    padded: bool
    matrix: np.ndarray
    term: np.ndarray

    def split(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What must come before a padding with zeros, and what may come after it.

        Returns:
            `mixed`, `factor` and `shift`: `mixed @ (factor * pixel + shift)` is the preparation.
        """
        largest = np.abs(self.matrix).argmax(0)
        factor = self.matrix[largest, np.arange(self.matrix.shape[1])]
        factor = np.where(factor == 0, 1.0, factor)
        mixed = self.matrix / factor
        return mixed, factor, np.linalg.lstsq(mixed, self.term)[0]


def find_preparation(model: keras.Model, takers: Takers) -> Preparation | None:
    """Finds what prepares the images of a functional model, if a convolution can do all of it."""
    convolution = next((op for op in model.operations if type(op) is layers.Conv2D), None)
    if convolution is None or convolution.groups != 1 or len(model.inputs) != 1:
        return None
    makers = {id(out): op for op in model.operations for out in keras.tree.flatten(op.output)}
    last = convolution
    while _pads_borders(maker := makers.get(id(last.input))):
        last = maker
    operations = _ancestors(model, last.input, makers)
    # Nothing is left to do where there is nothing, or what a former folding has made.
    plain = all(isinstance(op, layers.InputLayer | layers.DepthwiseConv2D) for op in operations)
    if plain or _is_seen(model, operations, last, takers):
        return None
    affine = _affine(model, last.input)
    if affine is None:
        return None
    same = convolution.padding == "same" and convolution.kernel_size != (1, 1)
    found = Preparation(operations, convolution, same or last is not convolution, *affine)
    mixed, _, shift = found.split()
    return found if not found.padded or _near(mixed @ shift, found.term) else None


def _pads_borders(operation: Any) -> bool:
    return isinstance(operation, layers.ZeroPadding2D) and operation.data_format == "channels_last"


def _ancestors(model: keras.Model, tensor: Any, makers: dict[int, Any]) -> list[Any]:
    """The operations that a tensor is made by, in order; none if a model in the model makes it."""
    needed, found = [tensor], set()
    while needed:
        maker = makers.get(id(needed.pop()))
        if maker is None:
            return []
        if maker not in found:
            found.add(maker)
            needed += keras.tree.flatten(maker.input)
    return [operation for operation in model.operations if operation in found]


def _is_seen(model: keras.Model, operations: list[Any], last: Any, takers: Takers) -> bool:
    """Whether what these operations make is taken by any other than the last one."""
    outputs = {id(tensor) for tensor in model.outputs}
    made = {id(out) for op in operations for out in keras.tree.flatten(op.output)}
    return bool(outputs & made) or any(
        taker is not last and taker not in operations for key in made for taker in takers[key]
    )


def _affine(model: keras.Model, prepared: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """The matrix and the term, if there is nothing more to it for images of 0 to 255."""
    _, *sides, channels = model.inputs[0].shape
    if len(prepared.shape) != 4 or list(prepared.shape[1:3]) != sides:
        return None
    prepare = functional(model.inputs[0], prepared)
    shape = (*(side or SIZE for side in sides), channels)

    def call(images: np.ndarray) -> np.ndarray:
        tensor = keras.ops.convert_to_tensor(np.broadcast_to(images, (len(images), *shape)))
        return keras.ops.convert_to_numpy(prepare(tensor, training=False)).astype("float64")

    colors = 255 * np.eye(channels + 1, channels, -1, "float32")  # black, and each by itself
    black, *bright = call(colors[:, None, None])[:, 0, 0]
    matrix = (np.stack(bright, -1) - black[:, None]) / 255
    noise = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype("float32")
    return (matrix, black) if _near(call(noise), noise @ matrix.T + black) else None


def _near(actual: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(actual - expected).max() <= TOLERANCE * np.abs(expected).max())
