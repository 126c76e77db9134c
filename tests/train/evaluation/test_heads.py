"""Outputs are recognized, and become probabilities of exclusive classes."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from train.evaluation.heads import HEADS, recognize

pytestmark = pytest.mark.unit
SCORES = np.random.default_rng(0).normal(0, 3, (50, 10))


def probabilities(outputs):
    return HEADS[recognize(outputs)].probabilities(outputs)


def test_outputs_are_recognized():
    quantized = np.round(softmax(np.random.default_rng(0).normal(0, 1, (50, 1000)), -1) * 256) / 256
    assert np.abs(quantized.sum(-1) - 1).max() > 0.1  # most are rounded to 0
    assert recognize(quantized) == recognize(softmax(SCORES, -1)) == "softmax"
    assert recognize(expit(SCORES)) == recognize(expit(SCORES[:, :1])) == "sigmoid"
    assert recognize(np.round(expit(SCORES) * 256) / 256) == "sigmoid"
    assert recognize(SCORES) == recognize(SCORES[:, :1]) == "logits"


def test_all_say_the_same_of_one_score_for_each_class():
    expected = softmax(SCORES, -1)
    for outputs in (expected, expit(SCORES), SCORES):
        np.testing.assert_allclose(probabilities(outputs), expected, atol=1e-9)


def test_one_output_tells_of_the_second_of_two_classes():
    score = SCORES[:, :1]
    expected = softmax(np.concatenate([0 * score, score], -1), -1)
    for outputs in (score, expit(score)):
        np.testing.assert_allclose(probabilities(outputs), expected)


def test_sigmoids_that_are_0_or_1_are_finite():
    assert np.isfinite(probabilities(np.array([[1.0, 1.0, 0.0]]))).all()
