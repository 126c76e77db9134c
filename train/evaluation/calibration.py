"""Confidence: how far it is from accuracy, what would mend it, and below which to say nothing.

Temperature and thresholds are chosen on training images, never on those that are scored.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from train.data.dataset import Data, Split, fixed_subset
from train.evaluation.record import Bin
from train.utils.probabilities import SMALLEST, losses

BINS = 15  # of equal width, as Guo et al. 2017 (https://arxiv.org/abs/1706.04599)
TEMPERATURES = 0.05, 20.0
COVERAGES = (1.0, 0.99, 0.95, 0.9, 0.8, 0.7, 0.5)  # of the images that thresholds are chosen on
SHARE, MOST = 0.1, 5000  # of the training images, where a run held out none; and of all


class Choices(NamedTuple):
    """What was chosen on training images."""

    temperature: float
    thresholds: list[float]  # of the confidence, one for each of `COVERAGES`
    images: int
    seen: bool  # whether the network may have been trained on them


def held_out(data: Data, fractions: Sequence[float | None]) -> tuple[Split, bool]:
    """Images to choose on, and whether a network may have been trained on them.

    They are those that the data hold out themselves, or else some of the training images.

    Args:
        data: Whose images they are.
        fractions: What each network that is evaluated held out of them, 0 for nothing; `None` of
            one that was trained on other data.
    """
    known = {fraction for fraction in fractions if fraction is not None}
    unseen = len(known) == 1 and 0 not in known
    _, images = data.hold_out(next(iter(known)) if unseen else SHARE)
    seen = bool(known) and not unseen and data.validation is None
    if not len(images):  # of very few
        images, seen = data.train, bool(known)
    return images.subset(fixed_subset(len(images), MOST)), seen


def choose(probabilities: np.ndarray, labels: np.ndarray, seen: bool) -> Choices:
    """Chooses the temperature of the least cross-entropy, and thresholds of the confidence.

    Args:
        probabilities: `(n, classes)`.
        labels: `(n,)`.
        seen: Whether the network may have been trained on these images.
    """
    confidences = probabilities.max(-1)
    return Choices(
        fit_temperature(probabilities, labels),
        [float(np.quantile(confidences, 1 - share)) if share < 1 else 0.0 for share in COVERAGES],
        len(labels),
        seen,
    )


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The number by which to divide logits, for the least cross-entropy."""

    def crossentropy(logarithm: float) -> float:
        return float(losses(temper(probabilities, np.exp(logarithm)), labels).mean())

    found = minimize_scalar(crossentropy, bounds=np.log(TEMPERATURES), method="bounded")
    return float(np.exp(found.x))


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities if logits are divided by a temperature."""
    return softmax(np.log(np.maximum(probabilities, SMALLEST)) / temperature, -1)


def reliability(confidences: np.ndarray, right: np.ndarray) -> list[Bin]:
    """Mean confidence and accuracy of the images in each bin of confidence that has any."""
    counts, edges = np.histogram(confidences, BINS, (0, 1))
    sums = [
        np.histogram(confidences, edges, weights=values)[0]
        for values in (confidences.astype(np.float64), right.astype(np.float64))
    ]
    return [
        {
            "low": float(edges[place]),
            "high": float(edges[place + 1]),
            "count": int(count),
            "confidence": float(sums[0][place] / count),
            "accuracy": float(sums[1][place] / count),
        }
        for place, count in enumerate(counts)
        if count
    ]


def ece(bins: list[Bin]) -> float:
    """The expected calibration error: mean difference of confidence and accuracy over images."""
    total = sum(row["count"] for row in bins)
    return sum(row["count"] * abs(row["confidence"] - row["accuracy"]) for row in bins) / total
