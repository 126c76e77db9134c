"""The weights of members are those of the mixture that the labels were drawn from."""

import numpy as np
import pytest

from keras_resnet import InputError
from train import evaluate
from train.evaluation.ensemble import fit_weights


def test_the_weights_of_the_labels_are_found():
    draw = np.random.default_rng(0)
    members = draw.dirichlet(np.ones(5), (3, 20_000))
    labels = (np.average(members, 0, [0.6, 0.4, 0]).cumsum(-1) < draw.random((20_000, 1))).sum(-1)
    weights = fit_weights(members, labels)
    assert weights == pytest.approx([0.6, 0.4, 0], abs=0.03)
    assert sum(weights) == pytest.approx(1)


def test_fitted_weights_are_of_an_ensemble(digits_run):
    with pytest.raises(InputError, match="--member_weights is for ensembles"):
        evaluate.run(run=digits_run, member_weights="fitted")
