"""Evaluations in the form of `evaluation.json`, from probabilities: what a page is made of."""

import numpy as np


def interval(value, spread=0.01):
    return {"value": value, "low": max(0.0, value - spread), "high": min(1.0, value + spread)}


def evaluation(probabilities, labels, classes, data="digits", **changes):
    """The record of an evaluation of predictions, `(n, classes)`, in each of its fields."""
    guesses, sure = probabilities.argmax(-1), probabilities.max(-1)
    right = guesses == labels
    count = len(classes)
    confusion = np.zeros((count, count), int)
    np.add.at(confusion, (labels, guesses), 1)

    def answers(chosen, most):
        index = np.flatnonzero(chosen)
        index = index[np.argsort(-sure[index])][:most]
        return [
            {"index": int(i), "label": int(labels[i]), "prediction": int(guesses[i]),
             "confidence": float(sure[i])}
            for i in index
        ]  # fmt: skip

    bins = []
    for low in np.arange(10) / 10:
        inside = (sure > low) & (sure <= low + 0.1)
        if inside.any():
            bins.append(
                {"low": float(low), "high": float(low + 0.1), "count": int(inside.sum()),
                 "confidence": float(sure[inside].mean()), "accuracy": float(right[inside].mean())}
            )  # fmt: skip
    gaps = [row["count"] * abs(row["confidence"] - row["accuracy"]) for row in bins]
    per_class = []
    for label, name in enumerate(classes):
        hit, support = confusion[label, label], confusion[label].sum()
        recall = hit / max(1, support)
        precision = hit / max(1, confusion[:, label].sum())
        f1 = 2 * recall * precision / max(1e-9, recall + precision)
        low, high = max(0.0, recall - 0.02), min(1.0, recall + 0.02)
        per_class.append(
            {"name": name, "support": int(support), "precision": float(precision),
             "recall": float(recall), "f1": float(f1), "low": float(low), "high": float(high)}
        )  # fmt: skip
    coverage = [
        {"threshold": t, "coverage": float((sure >= t).mean()),
         "accuracy": float(right[sure >= t].mean()) if (sure >= t).any() else None}
        for t in (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
    ]  # fmt: skip
    top1 = interval(float(right.mean()))
    chosen = np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)
    return {
        "subject": {"name": "resnet8", "kind": "run", "path": "run", "format": "keras",
                    "parameters": 75_770, "macs": 12_000_000},
        "data": {"name": data, "split": "test", "images": len(labels), "sha256": "0" * 64,
                 "classes": list(classes)},
        "command": "python -m train.evaluate --run=run",
        "top1": top1, "crossentropy": float(-np.log(chosen).mean()),
        "per_class": per_class, "confusion": confusion.tolist(),
        "calibration": {"ece": float(sum(gaps) / len(labels)), "bins": bins, "temperature": 1.2,
                        "ece_after": 0.01, "fitted_on": 100},
        "coverage": coverage,
        "views": [{"name": "one", "top1": top1, "macs": 12_000_000},
                  {"name": "mirror", "top1": top1, "macs": 24_000_000}],
        "members": [],
        "mistakes": answers(~right, 24), "surest": answers(right, 12),
        "versions": {"keras": "3.15.1"}, "hardware": {"cpu": "a CPU", "cores": 2},
        "seconds": 1.0,
    } | changes  # fmt: skip
