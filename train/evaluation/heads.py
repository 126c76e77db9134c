"""What the outputs of a classifier are, and the probabilities of exclusive classes in them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax

from train.utils.probabilities import SMALLEST

SOFTMAX, SIGMOID, LOGITS = "softmax", "sigmoid", "logits"
SLACK = 0.05  # by which exact probabilities may miss a sum of 1
STEP = 1 / 256  # of the probabilities in int8 files


class Head(NamedTuple):
    """A kind of outputs."""

    title: str  # for people
    probabilities: Callable[[np.ndarray], np.ndarray]  # from outputs to those of each class


def _of_logits(outputs: np.ndarray) -> np.ndarray:
    if outputs.shape[-1] == 1:
        return _of_sigmoids(expit(outputs))
    return softmax(outputs, -1)


def _of_sigmoids(outputs: np.ndarray) -> np.ndarray:
    """If exactly one class is right and each output tells of one, that in proportion to its odds.

    A single output tells of the second of two classes.
    """
    if outputs.shape[-1] == 1:
        return np.concatenate([1 - outputs, outputs], -1)
    sure = np.clip(outputs, SMALLEST, 1 - SMALLEST)
    return softmax(np.log(sure) - np.log1p(-sure), -1)


HEADS = {
    SOFTMAX: Head("probabilities as they are", lambda outputs: outputs),
    SIGMOID: Head("probabilities in proportion to their odds, as one class is right", _of_sigmoids),
    LOGITS: Head("probabilities by softmax", _of_logits),
}


def recognize(outputs: np.ndarray) -> str:
    """The key of `HEADS` that some outputs are of.

    Args:
        outputs: `(n, outputs)` for some images; the more, the surer.
    """
    values = np.asarray(outputs, np.float64)
    width = values.shape[-1]
    if not ((values >= 0) & (values <= 1)).all():
        return LOGITS
    is_quantized = (values / STEP == np.round(values / STEP)).all()
    slack = SLACK + is_quantized * width * STEP / 2
    is_exclusive = width > 1 and (np.abs(values.sum(-1) - 1) <= slack).all()
    return SOFTMAX if is_exclusive else SIGMOID
