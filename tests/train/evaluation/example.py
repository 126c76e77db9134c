"""Records of evaluations for tests, without a network."""

import numpy as np

from train.evaluation import calibration, scores
from train.evaluation.record import EvaluationRecord

CLASSES = ("cat", "dog", "frog|toad", "<b>", "deer", "bird")


def evaluation(probabilities, labels, classes, data="digits", **changes) -> EvaluationRecord:
    """What an evaluation of predictions, `(n, classes)`, would be recorded as."""
    predicted, sure = probabilities.argmax(-1), probabilities.max(-1)
    right, chosen = predicted == labels, probabilities[np.arange(len(labels)), labels]
    top1, bins = scores.accuracy(labels, predicted), calibration.reliability(sure, right)
    content = {
        "subject": {
            "name": "resnet8", "kind": "run", "path": "run", "format": "keras",
            "parameters": 75_770, "macs": 12_000_000, "sha256": "0f",
        },
        "data": {
            "name": data, "split": "test", "images": len(labels), "sha256": "00",
            "classes": list(classes),
        },
        "command": "python -m train.evaluate run",
        "top1": top1,
        "crossentropy": float(-np.log(chosen + 1e-7).mean()),
        "per_class": scores.per_class(labels, predicted, classes),
        "confusion": scores.confusion(labels, predicted, len(classes)),
        "calibration": {
            "ece": calibration.ece(bins), "bins": bins, "temperature": 1.5, "ece_after": 0.01,
            "fitted_on": 100, "seen": True,
        },
        "coverage": scores.coverage(right, sure, [0.0, 0.5, 0.999999]),
        "views": [
            {"name": "one", "top1": top1, "macs": 12_000_000},
            {"name": "mirror", "top1": top1, "macs": 24_000_000},
        ],
        "members": [],
        "mistakes": scores.surest(labels, predicted, sure, False, 24),
        "surest": scores.surest(labels, predicted, sure, True, 12),
        "versions": {"keras": "3"},
        "hardware": {"cpu": "one", "cores": 2, "gpus": []},
        "seconds": 1.5,
    }  # fmt: skip
    return content | changes


def record(**changes) -> EvaluationRecord:
    """The same of 300 random answers by one look at each image, two thirds of them right."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 6, 300)
    predicted = np.where(draw.random(300) < 2 / 3, labels, draw.integers(0, 6, 300))
    sure = draw.uniform(0.3, 1, 300)
    probabilities = np.repeat((1 - sure[:, None]) / 5, 6, axis=1)
    probabilities[np.arange(300), predicted] = sure
    content = evaluation(probabilities, labels, CLASSES, "photos", top5=scores.interval(290, 300))
    content["subject"] |= {"name": "tiny: a network", "format": "int8", "parameters": 1_234_567}
    return content | {"views": content["views"][:1]} | changes
