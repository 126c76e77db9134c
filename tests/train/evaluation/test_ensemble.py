"""The weights of members are those of the mixture that the labels were drawn from."""

import numpy as np
import pytest

from keras_resnet import InputError
from train import evaluate
from train.data.dataset import Split
from train.evaluation.ensemble import Ensemble, fit_weights
from train.evaluation.subject import Subject


def test_the_weights_of_the_labels_are_found():
    draw = np.random.default_rng(0)
    members = draw.dirichlet(np.ones(5), (3, 20_000))
    labels = (np.average(members, 0, [0.6, 0.4, 0]).cumsum(-1) < draw.random((20_000, 1))).sum(-1)
    weights = fit_weights(members, labels)
    assert weights == pytest.approx([0.6, 0.4, 0], abs=0.03)
    assert sum(weights) == pytest.approx(1)


def test_members_count_as_their_weights_say():
    draw = np.random.default_rng(0)
    found = draw.dirichlet(np.ones(4), (3, 6))  # of three members for six images
    members = tuple(
        Subject(str(number), "file", "", "keras", "", lambda images, predicted=predicted: predicted)
        for number, predicted in enumerate(found)
    )
    images = Split(np.zeros((6, 2, 2, 3), np.uint8), np.zeros(6, np.int32))
    columns = Ensemble(members).columns(images, ["one"])
    np.testing.assert_allclose(columns["one"], found.mean(0))
    columns = Ensemble(members, (0.5, 0.3, 0.2)).columns(images, ["one"])
    np.testing.assert_allclose(columns["one"], 0.5 * found[0] + 0.3 * found[1] + 0.2 * found[2])
    np.testing.assert_allclose(columns["only 1"], found[1])
    np.testing.assert_allclose(columns["without 1"], (5 * found[0] + 2 * found[2]) / 7)


def test_fitted_weights_are_of_an_ensemble(digits_run):
    with pytest.raises(InputError, match="--member_weights is for ensembles"):
        evaluate.run(run=digits_run, member_weights="fitted")
