"""The head of a network for new classes: softmax regression on features, by scikit-learn."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_softmax

# Of centred features of deviation 1 in all, the inverse of the L2 decay: from strong to hardly any.
# Each fit begins where the one before ended, and the first that is no better is the last.
STRENGTHS = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
ITERATIONS = 1000  # of L-BFGS, about ten times as many as it takes
TOLERANCE = 1e-3  # of its gradient: what more exact ones change, no held-out image tells


class Head(NamedTuple):
    """A dense layer, and how good it is."""

    kernel: np.ndarray  # (features, classes) float32
    bias: np.ndarray  # (classes,) float32
    strength: float  # of `STRENGTHS`, the one chosen
    accuracy: float  # of the training images
    loss: float
    validation_accuracy: float
    validation_loss: float

    def record(self) -> dict[str, Any]:
        """As the record of a run has it."""
        return {"strength": self.strength, **self.measures()}

    def measures(self) -> dict[str, float]:
        """By Keras's names."""
        return {
            "accuracy": self.accuracy,
            "loss": self.loss,
            "val_accuracy": self.validation_accuracy,
            "val_loss": self.validation_loss,
        }


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    held_out: tuple[np.ndarray, np.ndarray],
    classes: int,
    class_weight: str = "none",
) -> Head:
    """Fits a head; the cross-entropy of held-out images chooses the strength of its L2 decay.

    Their accuracy tells less, as it goes in steps of an image.

    Args:
        features: `(n, features)` float32, of the training images.
        labels: `(n,)`, of which each class has some.
        held_out: The same of images held out.
        classes: Their number.
        class_weight: A key of `recipe.CLASS_WEIGHTS`.
    """
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(0)
    scale = (features - mean).std() + 1e-3  # one for all, as what hardly varies is mostly noise
    scaled = np.asarray((features - mean) / scale, np.float32)
    found = LogisticRegression(
        class_weight="balanced" if class_weight == "balanced" else None,
        max_iter=ITERATIONS,
        tol=TOLERANCE,
        warm_start=True,
    )
    best: Head | None = None
    for strength in STRENGTHS:
        found.set_params(C=strength).fit(scaled, labels)
        kernel, bias = found.coef_.T, found.intercept_
        if classes == 2:  # one logit, of the second class
            kernel, bias = np.hstack([0 * kernel, kernel]), np.array([0.0, *bias])
        kernel = kernel / scale
        bias = bias - mean @ kernel
        kernel, bias = kernel.astype(np.float32), bias.astype(np.float32)
        scores = [_scores(x @ kernel + bias, y) for x, y in ((features, labels), held_out)]
        head = Head(kernel, bias, strength, *scores[0], *scores[1])
        if best is not None and head.validation_loss >= best.validation_loss:
            break
        best = head
    assert best is not None
    return best


def _scores(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy, 0 to 1, and cross-entropy in nats."""
    chosen = log_softmax(logits, -1)[np.arange(len(labels)), labels]
    return float(np.mean(logits.argmax(-1) == labels)), float(-chosen.mean())
