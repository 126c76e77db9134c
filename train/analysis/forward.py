"""What networks say of images: responses, logits, error and loss, in batches."""

from collections.abc import Iterator

import keras
import numpy as np

from train.analysis.subject import Sample

BATCH = 100  # images at a time, so that deep networks fit in memory


def batches(array: np.ndarray, size: int = BATCH) -> Iterator[np.ndarray]:
    """Consecutive parts of an array."""
    return (array[start : start + size] for start in range(0, len(array), size))


def logits(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The `(n, classes)` float64 outputs of a model in inference."""
    return np.concatenate([model.predict_on_batch(part) for part in batches(images)]).astype(float)


def error(model: keras.Model, sample: Sample) -> float:
    """The fraction of images that are not classified right, 0 to 1; no number is no answer."""
    found = logits(model, sample.images)
    right = (found.argmax(1) == sample.labels) & np.isfinite(found).all(1)
    return float(1 - right.mean())


def loss(model: keras.Model, sample: Sample) -> float:
    """The mean cross-entropy, in nats; infinite or NaN where the logits are."""
    found = logits(model, sample.images)
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        found -= found.max(axis=1, keepdims=True)
        right = np.take_along_axis(found, sample.labels[:, None].astype(int), axis=1)[:, 0]
        return float((np.log(np.exp(found).sum(axis=1)) - right).mean())


def deviations(model: keras.Model, images: np.ndarray, training: bool = False) -> np.ndarray:
    """The standard deviation of each output of a model, over all images, places and channels.

    Args:
        model: Of several outputs; it is not changed, not even its moving statistics.
        images: Raw images.
        training: Whether batch normalization takes the statistics of the batch.

    Returns:
        `(outputs,)` float64.
    """
    variables = model.trainable_variables, model.non_trainable_variables
    sums = np.zeros((3, len(model.outputs)))  # of ones, values, squares
    for part in batches(images):
        outputs, _ = model.stateless_call(*variables, part, training=training)
        for column, output in zip(sums.T, outputs, strict=True):
            values = keras.ops.convert_to_numpy(output).astype(float)
            column += values.size, values.sum(), (values**2).sum()
    count, total, squares = sums
    return np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0))
