"""Scores are those of the textbooks."""

import numpy as np
import pytest

from train.evaluation import calibration, scores
from train.evaluation.significance import bootstrap_difference, compare, seeds, spread
from train.evaluation.summary import class_table

pytestmark = pytest.mark.unit
LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2])
SAID = np.array([0, 0, 1, 2, 1, 1, 2, 0])


def test_the_interval_is_wilsons():
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    found = scores.interval(81, 263)
    assert (round(found["low"], 4), round(found["high"], 4)) == (0.2553, 0.3662)
    assert (scores.interval(0, 20)["low"], round(scores.interval(0, 20)["high"], 4)) == (0, 0.1611)
    assert scores.interval(0, 0) == {"value": 0.0, "low": 0.0, "high": 1.0}


def test_each_class_has_its_own_scores_and_the_weakest_comes_first():
    rows = scores.per_class(LABELS, SAID, ["a", "b", "c", "never seen"])
    assert [(row["support"], row["recall"]) for row in rows] == [(4, 0.5), (2, 1), (2, 0.5), (0, 0)]
    assert [row["precision"] for row in rows] == pytest.approx([2 / 3, 2 / 3, 0.5, 0])
    assert rows[0]["f1"] == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))
    assert rows[0]["low"] < 0.5 < rows[0]["high"]
    assert [row["name"] for row in scores.weakest(rows)] == ["a", "c", "b"]


def test_the_most_frequent_confusion_comes_first():
    matrix = scores.confusion(LABELS, np.where(SAID == 2, 1, SAID), 3)
    assert matrix == [[2, 2, 0], [0, 2, 0], [1, 1, 0]]
    assert scores.confusions(matrix) == [(0, 1, 2), (2, 0, 1), (2, 1, 1)]


def test_the_surest_mistakes_and_right_answers_are_found():
    sure = np.linspace(0.3, 1, 8)
    mistakes = scores.surest(LABELS, SAID, sure, False, 2)
    assert [(m["index"], m["label"], m["prediction"]) for m in mistakes] == [(7, 2, 0), (3, 0, 2)]
    assert [m["index"] for m in scores.surest(LABELS, SAID, sure, True, 2)] == [6, 5]


def test_saying_nothing_when_unsure_costs_coverage_and_brings_accuracy():
    right, sure = np.array([True, False, True, True]), np.array([0.9, 0.2, 0.5, 0.7])
    rows = scores.coverage(right, sure, [0.0, 0.5, 0.95])
    assert [(row["coverage"], row["accuracy"]) for row in rows] == [(1, 0.75), (0.75, 1), (0, None)]


def overconfident(count=4000):
    """Logits that are twice as large as the probabilities by which the labels are drawn."""
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 2, (count, 4))
    honest = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    labels = (honest.cumsum(-1) < draw.random((count, 1))).sum(-1)
    return calibration.temper(honest, 0.5), labels


def test_the_temperature_of_the_labels_is_found_and_mends_the_calibration():
    probabilities, labels = overconfident()
    assert calibration.fit_temperature(probabilities, labels) == pytest.approx(2, abs=0.15)
    choices = calibration.choose(probabilities, labels, seen=False)
    right = probabilities.argmax(-1) == labels
    before = calibration.ece(calibration.reliability(probabilities.max(-1), right))
    mended = calibration.temper(probabilities, choices.temperature)
    assert (mended.argmax(-1) == probabilities.argmax(-1)).all()
    after = calibration.ece(calibration.reliability(mended.max(-1), right))
    assert before > 0.08
    assert after < 0.02


def test_thresholds_answer_the_share_of_images_that_they_were_chosen_for():
    probabilities, labels = overconfident()
    choices = calibration.choose(probabilities, labels, seen=True)
    shares = [(probabilities.max(-1) >= threshold).mean() for threshold in choices.thresholds]
    assert shares == pytest.approx(calibration.COVERAGES, abs=0.002)


def test_bins_hold_all_images():
    bins = calibration.reliability(np.array([0.34, 0.35, 1.0]), np.array([True, False, True]))
    assert [(row["count"], row["accuracy"]) for row in bins] == [(2, 0.5), (1, 1)]
    assert calibration.ece(bins) == pytest.approx((0.69 - 1) / 3 * -1)


def answers(both, only_a, only_b, neither):
    counts = both, only_a, only_b, neither
    a, b = np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts)
    return a.astype(bool), b.astype(bool)


def test_the_better_network_is_named_if_the_images_can_tell():
    a, b = answers(800, 30, 10, 160)
    found = compare(("A", "B"), (b, a))  # in any order
    assert (found.better, found.worse, found.only_better, found.only_worse) == ("B", "A", 30, 10)
    # 2 * sum of C(40, k) / 2**40 for k up to 10
    assert found.p == pytest.approx(0.0022221, rel=1e-3)
    assert found.low < found.difference == 0.02 < found.high
    assert found.sentence().startswith("The data support that B is better than A: 83.00% against")
    assert not compare(("A", "B"), (a, b), pairs=30).supported
    close = compare(("A", "B"), answers(800, 12, 10, 178))
    assert close.sentence().startswith("The data do not support that A is better than B")
    assert close.low < 0 < close.high


def test_networks_that_say_the_same_are_not_told_apart():
    found = compare(("A", "B"), answers(8, 0, 0, 2))
    assert (found.p, found.difference, found.low, found.high) == (1, 0, 0, 0)


def test_the_bootstrap_agrees_with_the_normal_approximation():
    low, high = bootstrap_difference(300, 200, 10_000)
    error = 1.96 * np.sqrt(0.05 - 0.01**2) / 100
    assert (low, high) == pytest.approx((0.01 - error, 0.01 + error), abs=2e-4)


def run(seed, epochs=2, sha256="0"):
    return {"network": {}, "recipe": {"seed": seed, "epochs": epochs}, "data": {"sha256": sha256}}


def test_runs_that_differ_in_the_seed_alone_are_put_together():
    runs = [run(0), run(0, epochs=3), None, run(1), run(2), run(1, epochs=4), run(1, sha256="1")]
    assert seeds(runs) == [[0, 3, 4]]
    assert seeds([run(0), run(0)]) == []
    for key in ("weights", "teachers"):  # another beginning, or other teachers
        assert seeds([run(0), run(1) | {key: {"sha256": "1"}}]) == []


def test_seeds_have_a_mean_and_an_interval():
    found = spread([0.9125, 0.9143, 0.9139])
    assert found.sentence().startswith("Over 3 seeds of one recipe: 91.36 ± 0.09 %")
    assert found.high - found.mean == pytest.approx(4.3027 * found.std / 3**0.5, rel=1e-4)
    assert spread([0.5, 0.5]).low == 0.5


def test_a_class_without_images_has_no_recall():
    rows = scores.per_class(np.array([0, 0]), np.array([0, 1]), ("cat", "dog"))
    cells = [line.split() for line in class_table(rows).splitlines()]
    assert cells[1:] == [["cat", "2", "50.0%", "100.0%"], ["dog", "0", "-", "-"]]
