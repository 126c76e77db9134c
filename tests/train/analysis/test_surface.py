"""The plane goes through the network, and directions have the norms of its filters."""

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.train.analysis.networks import network, sample, spec
from train.analysis import surface
from train.analysis.analyses import AnalysisSettings
from train.analysis.graph import copy
from train.analysis.subject import Subject


def keras_loss(model):
    images, labels = sample()
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True
    )
    return model.evaluate(images, labels, verbose=0)


def test_the_losses_are_those_of_keras():
    model = network(spec())
    before = model.get_weights()
    subject = Subject("small", Path(), {}, spec(), model)
    axis, losses = surface.measure(subject, sample(), AnalysisSettings(grid=3, seed=4))
    assert axis.tolist() == [-1, 0, 1]
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    np.testing.assert_allclose(losses[1, 1], keras_loss(copy(model)), rtol=1e-5)
    rng, moved = np.random.default_rng(4), copy(model)
    weights = [variable.numpy() for variable in model.trainable_variables]
    first, second = surface.direction(weights, rng), surface.direction(weights, rng)
    for row in zip(moved.trainable_variables, weights, first, second, strict=True):
        row[0].assign(row[1] + row[2] - row[3])
    np.testing.assert_allclose(losses[0, 2], keras_loss(moved), rtol=1e-5)  # x = 1, y = -1


def test_directions_are_random_with_the_norms_of_filters():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in ((3, 3, 4, 6), (6,), (6, 5))]
    weights[0][..., 2] *= 100
    kernel, bias, head = surface.direction(weights, rng)
    assert not bias.any()
    np.testing.assert_allclose(
        np.linalg.norm(kernel.reshape(-1, 6), axis=0),
        np.linalg.norm(weights[0].reshape(-1, 6), axis=0),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        np.linalg.norm(head, axis=0), np.linalg.norm(weights[2], axis=0), rtol=1e-5
    )
    assert abs(np.corrcoef(kernel.ravel(), weights[0].ravel())[0, 1]) < 0.3


@pytest.mark.parametrize("lowest", [0.0, np.nan, 0.5])
def test_planes_with_losses_of_zero_or_none_are_drawn(lowest):
    losses = np.full((3, 3), 2.0)
    losses[1, 1] = lowest
    subject = Subject("small", Path(), {}, spec(), network(spec()))
    figure = surface.draw([(subject, surface.Surface(np.array([-1.0, 0, 1]), losses))])
    figure.canvas.draw()
    (line,) = figure.axes[1].lines
    assert np.isfinite(line.get_ydata()).all()
