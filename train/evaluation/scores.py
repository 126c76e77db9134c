"""Scores of predictions: accuracies with their intervals, by class, and by confidence."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from train.evaluation.record import Answer, ClassRecord, Coverage, Interval

LEVEL = 0.95


def interval(right: int, count: int) -> Interval:
    """A fraction with the 95 % interval of Wilson; of no images it is 0, and may be anything."""
    if not count:
        return {"value": 0.0, "low": 0.0, "high": 1.0}
    limits = binomtest(int(right), count).proportion_ci(LEVEL, "wilson")
    return {"value": right / count, "low": float(limits.low), "high": float(limits.high)}


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> Interval:
    """The fraction of right predictions."""
    return interval(int((labels == predictions).sum()), len(labels))


def per_class(
    labels: np.ndarray, predictions: np.ndarray, classes: Sequence[str]
) -> list[ClassRecord]:
    """Precision, recall and F1 of each class, 0 where they are not defined."""
    numbers = np.arange(len(classes))
    columns = precision_recall_fscore_support(
        labels, predictions, labels=numbers, average=None, zero_division=0
    )
    rows: list[ClassRecord] = []
    for name, precision, recall, f1, support in zip(classes, *columns, strict=True):
        limits = interval(round(recall * support), int(support))
        rows.append(
            {
                "name": name,
                "support": int(support),
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "low": limits["low"],
                "high": limits["high"],
            }
        )
    return rows


def weakest(rows: Sequence[ClassRecord]) -> list[ClassRecord]:
    """The three classes whose images are recognized least often."""
    return sorted((row for row in rows if row["support"]), key=lambda row: row["recall"])[:3]


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> list[list[int]]:
    """How many images of each class (rows) were taken for each class (columns)."""
    return confusion_matrix(labels, predictions, labels=np.arange(classes)).tolist()


def confusions(matrix: Sequence[Sequence[int]], most: int = 5) -> list[tuple[int, int, int]]:
    """The most frequent mistakes: true class, predicted class, images."""
    counts = np.array(matrix)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(counts)) for place in order]
    return [(*pair, int(counts[pair])) for pair in pairs if counts[pair]]


def surest(
    labels: np.ndarray, predictions: np.ndarray, confidences: np.ndarray, right: bool, most: int
) -> list[Answer]:
    """The right or the wrong answers of the highest confidence."""
    places = np.flatnonzero((labels == predictions) == right)
    places = places[np.argsort(-confidences[places], kind="stable")[:most]]
    return [
        {
            "index": int(place),
            "label": int(labels[place]),
            "prediction": int(predictions[place]),
            "confidence": float(confidences[place]),
        }
        for place in places
    ]


def coverage(
    right: np.ndarray, confidences: np.ndarray, thresholds: Sequence[float]
) -> list[Coverage]:
    """How many images get an answer above each threshold, and how many of these are right."""
    rows: list[Coverage] = []
    for threshold in thresholds:
        answered = confidences >= threshold
        rows.append(
            {
                "threshold": threshold,
                "coverage": float(answered.mean()),
                "accuracy": float(right[answered].mean()) if answered.any() else None,
            }
        )
    return rows
