"""From the errors of several seeds to a verdict on each claim."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from train.evaluation.scores import LEVEL
from train.experiments.claims import Claim

SHOWN, NOT_SHOWN, NOT_TESTED = "shown", "not shown", "not tested"
Errors = Mapping[str, Sequence[float]]  # in percent, by label, one for each seed


class Verdict(NamedTuple):
    """What our errors say of a claim."""

    verdict: str  # SHOWN, NOT_SHOWN or NOT_TESTED
    why: str  # of the last two
    difference: float | None = None  # the claim's contrast of mean errors, percentage points
    low: float | None = None  # of the difference: Welch's interval over seeds
    high: float | None = None


def judge(claim: Claim, errors: Errors, failed: Mapping[str, int] | None = None) -> Verdict:
    """Compares a claim with what was measured.

    It is shown if the 95 % interval of its contrast lies above zero. The interval is Welch's, which
    allows for another variance of each network: one seed of a network says nothing of it.

    Args:
        claim: The claim.
        errors: Of the claim's measure.
        failed: By label, how many trainings came to no end: a mean of the others would flatter.
    """
    for label in claim.contrast:
        if count := (failed or {}).get(label):
            tried = count + len(errors.get(label, ()))
            return Verdict(NOT_TESTED, f"{count} of {tried} trainings of {label} failed")
    missing = [label for label in claim.contrast if not errors.get(label)]
    if missing:
        return Verdict(NOT_TESTED, f"{missing[0]} was not trained")
    rows = [(weight, np.asarray(errors[label])) for label, weight in claim.contrast.items()]
    difference = float(sum(weight * values.mean() for weight, values in rows))
    if min(len(values) for _, values in rows) < 2:
        return Verdict(NOT_TESTED, "one seed of a network tells no variance", difference)
    if not any(values.var() for _, values in rows):
        return Verdict(NOT_TESTED, "the seeds came out equal, which tells no variance", difference)
    low, high = _interval(difference, rows)
    if low > 0:
        return Verdict(SHOWN, "", difference, low, high)
    why = "the opposite was found" if high < 0 else "the interval holds zero"
    return Verdict(NOT_SHOWN, why, difference, low, high)


def _interval(difference: float, rows) -> tuple[float, float]:
    """Welch and Satterthwaite's interval of a weighted sum of means."""
    parts = [(w**2 * values.var(ddof=1) / len(values), len(values) - 1) for w, values in rows]
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    low, high = stats.t.interval(LEVEL, freedom, difference, variance**0.5)
    return float(low), float(high)
