"""Records of evaluations for tests, without a network."""

import numpy as np

from train.evaluation import calibration, scores
from train.evaluation.record import EvaluationRecord

CLASSES = ("cat", "dog", "frog|toad", "<b>", "deer", "bird")


def record(**changes) -> EvaluationRecord:
    """What an evaluation of random answers, two thirds of them right, would be recorded as."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 6, 300)
    said = np.where(draw.random(300) < 2 / 3, labels, draw.integers(0, 6, 300))
    sure, right = draw.uniform(0.3, 1, 300), said == labels
    bins = calibration.reliability(sure, right)
    content = {
        "subject": {
            "name": "tiny: a network", "kind": "run", "path": "saved_models/tiny", "format": "int8",
            "parameters": 1234567, "macs": 30_000_000, "sha256": "0f",
        },
        "data": {
            "name": "photos", "split": "test", "images": 300, "sha256": "00",
            "classes": list(CLASSES),
        },
        "command": "python -m train.evaluate saved_models/tiny",
        "top1": scores.accuracy(labels, said),
        "top5": scores.interval(290, 300),
        "crossentropy": 0.9,
        "per_class": scores.per_class(labels, said, CLASSES),
        "confusion": scores.confusion(labels, said, len(CLASSES)),
        "calibration": {
            "ece": calibration.ece(bins), "bins": bins, "temperature": 1.5, "ece_after": 0.01,
            "fitted_on": 100, "seen": True,
        },
        "coverage": scores.coverage(right, sure, [0.0, 0.5, 0.999999]),
        "views": [{"name": "one", "top1": scores.accuracy(labels, said), "macs": 30_000_000}],
        "members": [],
        "mistakes": scores.surest(labels, said, sure, False, 24),
        "surest": scores.surest(labels, said, sure, True, 12),
        "versions": {"keras": "3"},
        "hardware": {"cpu": "one", "cores": 2, "gpus": []},
        "seconds": 1.5,
    }  # fmt: skip
    return content | changes
