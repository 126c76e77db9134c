"""Whether one network is better than another, as far as the images can tell."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from train.evaluation.scores import LEVEL

RESAMPLES = 10_000


class Comparison(NamedTuple):
    """Two networks on the same images."""

    better: str  # by accuracy; of equal ones the first
    worse: str
    accuracies: tuple[float, float]
    only_better: int  # images that only the better one gets right
    only_worse: int
    p: float  # McNemar's exact test, two-sided
    difference: float  # of the accuracies
    low: float  # of the difference: bootstrap over images
    high: float
    pairs: int  # comparisons made together: p counts this many times (Bonferroni)

    @property
    def supported(self) -> bool:
        """Whether the data support that the better one is better."""
        return self.p * self.pairs < 1 - LEVEL

    def sentence(self) -> str:
        """The verdict in words."""
        verdict = "support" if self.supported else "do not support"
        many = f", one of {self.pairs} comparisons" if self.pairs > 1 else ""
        return (
            f"The data {verdict} that {self.better} is better than {self.worse}: "
            f"{self.accuracies[0]:.2%} against {self.accuracies[1]:.2%}, difference "
            f"{100 * self.difference:.2f} points (95 % interval {100 * self.low:.2f} to "
            f"{100 * self.high:.2f}); of the images on which they differ, {self.only_better} and "
            f"{self.only_worse} (McNemar's exact p = {self.p:.2g}{many})."
        )


def compare(
    names: tuple[str, str], right: tuple[np.ndarray, np.ndarray], pairs: int = 1
) -> Comparison:
    """Compares two networks on the same images.

    Args:
        names: Of both.
        right: Of both, whether it gets each image right.
        pairs: Comparisons that are made together.
    """
    a, b = right
    if b.mean() > a.mean():
        names, (a, b) = names[::-1], (b, a)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    p = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    low, high = bootstrap_difference(only_a, only_b, len(a))
    accuracies = float(a.mean()), float(b.mean())
    difference = (only_a - only_b) / len(a)
    return Comparison(*names, accuracies, only_a, only_b, float(p), difference, low, high, pairs)


def bootstrap_difference(only_a: int, only_b: int, count: int) -> tuple[float, float]:
    """The 95 % interval of the difference of two accuracies, by percentiles of the bootstrap.

    Images drawn with replacement are either right for the one, or for the other, or make no
    difference: how many there are of each is multinomial, so that no image need be drawn.
    """
    shares = np.array([only_a, only_b, count - only_a - only_b]) / count
    drawn = np.random.default_rng(0).multinomial(count, shares, RESAMPLES)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / count, [tail, 1 - tail])
    return float(low), float(high)


class Spread(NamedTuple):
    """The accuracies of the same recipe with several seeds."""

    values: list[float]
    mean: float
    std: float  # sample standard deviation
    low: float  # of the mean: Student's t
    high: float

    def sentence(self) -> str:
        """The same in words."""
        return (
            f"Over {len(self.values)} seeds of one recipe: {100 * self.mean:.2f} ± "
            f"{100 * self.std:.2f} % (sample standard deviation; 95 % interval of the mean "
            f"{100 * self.low:.2f} to {100 * self.high:.2f})."
        )


def spread(values: Sequence[float]) -> Spread:
    """Mean, standard deviation and interval of two or more accuracies."""
    mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
    error = std / len(values) ** 0.5
    low, high = stats.t.interval(LEVEL, len(values) - 1, mean, error) if error else (mean, mean)
    return Spread(list(values), mean, std, float(low), float(high))


def seeds(records: Sequence[dict[str, Any] | None]) -> list[list[int]]:
    """The places of runs that differ in the seed alone, in groups of two or more.

    Args:
        records: Of runs; `None` of what is no run.
    """
    groups: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        if record:
            recipe = {name: value for name, value in record["recipe"].items() if name != "seed"}
            began = [record.get(name) for name in ("weights", "teachers")]
            same = [record["network"], recipe, record["data"]["sha256"], began]
            groups.setdefault(json.dumps(same, sort_keys=True), []).append(place)
    distinct = {key: {records[i]["recipe"]["seed"] for i in group} for key, group in groups.items()}  # type: ignore[index]
    return [group for key, group in groups.items() if len(distinct[key]) == len(group) > 1]
