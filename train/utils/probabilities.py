"""Probabilities of classes, as files give them."""

import numpy as np

SMALLEST = 1e-7  # that is told from 0, as quantized ones may be


def losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The cross-entropy of each image, in nats: `(n,)`.

    Args:
        probabilities: `(n, classes)`.
        labels: `(n,)` int.
    """
    right = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.maximum(right, SMALLEST))
