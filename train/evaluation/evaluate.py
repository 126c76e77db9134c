"""The evaluation of one network or ensemble: two passes over images, and the record of them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from train.data.dataset import Data, Split
from train.evaluation import calibration, predictions, scores, views
from train.evaluation.calibration import Choices
from train.evaluation.ensemble import Ensemble
from train.evaluation.predictions import TOP, Columns, Predictions
from train.evaluation.record import (
    CONFUSIONS,
    MISTAKES,
    OF_EACH,
    SUREST,
    Answer,
    Calibration,
    EvaluationRecord,
    MemberRecord,
    ViewRecord,
)
from train.evaluation.subject import Subject, check
from train.runs.environment import environment
from train.settings.recipe import Recipe


class Scored(NamedTuple):
    """What was found by looking at images."""

    subject: Subject | Ensemble  # with the weights of its members
    test: Predictions
    choices: Choices  # made on training images
    views: list[str]  # the first is that of all scores
    seconds: float


def evaluate(
    subject: Subject,
    data: Data,
    folder: Path,
    names: Sequence[str] = ("one",),
    command: str = "",
    known: np.ndarray | None = None,
) -> EvaluationRecord:
    """Evaluates a network on the test images of some data.

    Args:
        subject: The network, not yet checked.
        data: The images; what has to be chosen is chosen on the training images.
        folder: Keeps the predictions, so that a killed evaluation goes on.
        names: Views, keys of `views.VIEWS`; the first is that of all scores.
        command: That repeats this, for the record.
        known: What the network gives for the test images as they are, `(n, classes)` probabilities,
            if that has been computed already; only for the view `one`.

    Raises:
        InputError: if the network does not tell these classes apart, or cannot take the images.
        Stopped: after SIGINT or SIGTERM, when the predictions are kept.
    """
    names = views.check(names, data.mirror, data.name)
    subject = check(subject, data, names)
    found = score(subject, data, folder, names, known=known)
    return describe(data, found, command)


def score(
    subject: Subject | Ensemble,
    data: Data,
    folder: Path,
    names: Sequence[str],
    fit_weights: bool = False,
    known: np.ndarray | None = None,
) -> Scored:
    """Predicts held-out training images, chooses, and predicts the test images.

    Args:
        subject: The network, or networks; each one as `subject.check` gave it.
        data: As for `evaluate`.
        folder: As for `evaluate`.
        names: Of the views, as `views.check` gave them.
        fit_weights: Whether members of an ensemble count as is best for the training images.
        known: As for `evaluate`.
    """
    begun = time.monotonic()
    fractions = [_held_out_fraction(member, data) for member in subject.members]
    images, seen = calibration.held_out(data, fractions)
    if fit_weights and isinstance(subject, Ensemble):
        subject = subject.fitted(images, names[0])
    found = predictions.probabilities(lambda batch: subject.columns(batch, names[:1]), images)
    choices = calibration.choose(found, images.labels, seen)
    test = predictions.predict(
        (lambda batch: subject.columns(batch, names))
        if known is None
        else _looked_up(known, data.test),
        data.test,
        choices,
        folder / predictions.PREDICTIONS,
        key="\n".join([subject.record()["sha256"], data.fingerprint, *names]),
    )
    return Scored(subject, test, choices, [*names], time.monotonic() - begun)


def _looked_up(known: np.ndarray, split: Split) -> Columns:
    """What is known of all images of a split, as if some of them were predicted now."""
    places = {row: place for place, row in enumerate(split.rows.tolist())}
    return lambda some: {"one": known[[places[row] for row in some.rows.tolist()]]}


def _held_out_fraction(subject: Subject, data: Data) -> float | None:
    """What was held out of these training images; `None` if others were trained on."""
    if subject.run is None:
        return 0.0  # nobody can tell
    known = subject.run["data"]
    if known["sha256"] != data.fingerprint and known["name"] != data.name:  # nor framed anew
        return None
    return subject.run["recipe"].get("validation_fraction", Recipe.validation_fraction)


def describe(data: Data, found: Scored, command: str) -> EvaluationRecord:
    """The record of an evaluation."""
    subject, test = found.subject, found.test
    predicted, labels = test.predicted, test.labels
    right = predicted == labels
    record: EvaluationRecord = {
        "subject": subject.record(),
        "data": {
            "name": data.name,
            "split": "test",
            "images": len(labels),
            "sha256": data.fingerprint,
            "classes": list(data.classes),
        },
        "command": command,
        "top1": scores.accuracy(labels, predicted),
        "crossentropy": float(test.losses.mean(dtype=float)),
        "per_class": scores.per_class(labels, predicted, data.classes),
        "confusion": scores.confusion(labels, predicted, len(data.classes)),
        "calibration": _calibration(test, found.choices),
        "coverage": scores.coverage(right, test.confidences, found.choices.thresholds),
        "views": [_view(subject, test, name) for name in found.views],
        "members": _members(subject, test),
        "mistakes": _mistakes(test, len(data.classes)),
        "surest": scores.surest(labels, predicted, test.confidences, True, SUREST),
        **environment(),  # type: ignore[typeddict-item]
        "seconds": found.seconds,
    }
    if len(data.classes) > TOP:
        record["top5"] = scores.interval(int(test.in_top5.sum()), len(labels))
    return record


def _mistakes(test: Predictions, classes: int) -> list[Answer]:
    """The surest mistakes of all, and of each of the most frequent confusions."""
    labels, predicted = test.labels, test.predicted
    confusion = scores.confusion(labels, predicted, classes)
    rows = scores.surest(labels, predicted, test.confidences, False, MISTAKES)
    for true, other, _ in scores.confusions(confusion, CONFUSIONS):
        of_this = np.flatnonzero((labels == true) & (predicted == other))
        some = (labels[of_this], predicted[of_this], test.confidences[of_this])
        rows += [
            row | {"index": int(of_this[row["index"]])}
            for row in scores.surest(*some, False, OF_EACH)
        ]
    return [*{row["index"]: row for row in rows}.values()]


def _calibration(test: Predictions, choices: Choices) -> Calibration:
    right = test.predicted == test.labels
    bins = calibration.reliability(test.confidences, right)
    return {
        "ece": calibration.ece(bins),
        "bins": bins,
        "temperature": choices.temperature,
        "ece_after": calibration.ece(calibration.reliability(test.tempered, right)),
        "fitted_on": choices.images,
        "seen": choices.seen,
    }


def _view(subject: Subject | Ensemble, test: Predictions, name: str) -> ViewRecord:
    top1 = scores.accuracy(test.labels, test.columns[name])
    return {"name": name, "top1": top1, "macs": views.macs(subject, name)}


def _members(subject: Subject | Ensemble, test: Predictions) -> list[MemberRecord]:
    if isinstance(subject, Subject):
        return []
    whole = (test.predicted == test.labels).mean()
    return [
        {
            "name": member.name,
            "weight": subject.weights[number],
            "top1": scores.accuracy(test.labels, test.columns[f"only {number}"]),
            "marginal": float(whole - (test.columns[f"without {number}"] == test.labels).mean()),
        }
        for number, member in enumerate(subject.members)
    ]
