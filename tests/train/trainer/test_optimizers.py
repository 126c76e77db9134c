from dataclasses import replace

import keras
import numpy as np
import pytest

from train.settings.recipe import OPTIMIZERS as NAMES
from train.settings.recipe import Recipe
from train.trainer.optimizers import OPTIMIZERS, ConvMuon, orthogonal
from train.trainer.precision import policy

DRAW = np.random.default_rng(0)


def test_every_named_optimizer_is_there():
    assert OPTIMIZERS.keys() == NAMES.keys()


@pytest.mark.parametrize("steps", [ConvMuon.STEPS, ConvMuon.ROUNDED_STEPS])
@pytest.mark.parametrize("shape", [(144, 16), (27, 16), (16, 144), (8, 8)])
def test_orthogonal_is_five_steps_of_newton_and_schulz(shape, steps):
    matrix = DRAW.normal(size=shape).astype("float32")
    u, lengths, v = np.linalg.svd(matrix.astype("float64"), full_matrices=False)
    lengths /= np.sqrt((lengths**2).sum())
    a, b, c = ConvMuon.COEFFICIENTS
    for _ in range(5):
        lengths = a * lengths + b * lengths**3 + c * lengths**5
    assert lengths.min() > 0.65
    assert lengths.max() < 1.25
    out = keras.ops.convert_to_numpy(orthogonal(keras.ops.convert_to_tensor(matrix), steps))
    np.testing.assert_allclose(out, (u * lengths) @ v, atol=2e-5)


def test_directions_of_almost_no_length_stay_where_they_are():
    u, _, v = np.linalg.svd(DRAW.normal(size=(144, 16)), full_matrices=False)
    lengths = np.logspace(0, -9, 16)
    out = orthogonal(
        keras.ops.convert_to_tensor(((u * lengths) @ v).astype("float32")), ConvMuon.STEPS
    )
    assert np.linalg.norm(out, ord=2) < 1.25


def step(optimizer, value, gradient, times=1):
    variable = keras.Variable(value, name="kernel")
    for _ in range(times):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return keras.ops.convert_to_numpy(variable)


def test_all_but_convolutions_take_steps_of_sgd():
    value, gradient = DRAW.normal(size=(2, 5, 4)).astype("float32")
    settings = {"momentum": 0.9, "nesterov": True}
    stock = step(keras.optimizers.SGD(0.1, **settings), value, gradient, 3)
    np.testing.assert_array_equal(step(ConvMuon(0.1, 0.3, **settings), value, gradient, 3), stock)


def test_a_convolution_moves_by_a_quarter_of_the_rate_in_every_direction_and_decays():
    value, gradient = DRAW.normal(size=(2, 3, 3, 4, 8)).astype("float32")
    moved = step(ConvMuon(0.2, decay=0.1, momentum=0.9), value, gradient)
    kept = value * (1 - 0.2 * 0.1 / (1 - 0.9))
    lengths = np.linalg.svd((moved - kept).reshape(-1, 8), compute_uv=False)
    assert (lengths > 0.65 * 0.05).all()
    assert (lengths < 1.25 * 0.05).all()


def test_the_size_of_a_gradient_does_not_matter_to_a_convolution():
    value, gradient = DRAW.normal(size=(2, 3, 3, 4, 8)).astype("float32")
    one, other = (step(ConvMuon(0.2, momentum=0.9), value, gradient * by) for by in (1, 1000))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_each_optimizer_gets_the_recipe_and_decays_every_kernel_once():
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Dense(2)]
    )
    recipe = replace(Recipe(), momentum=0.8, nesterov=True, weight_decay=0.5, ema_decay=0.99)
    for name, regularized in (("sgd", [True, True]), ("muon", [False, True])):
        for variable in model.trainable_variables:
            variable.regularizer = None
        optimizer = OPTIMIZERS[name](recipe, 0.1, model.trainable_variables)
        kernels = [v for v in model.trainable_variables if v.name == "kernel"]
        assert [v.regularizer is not None for v in kernels] == regularized
        assert (optimizer.momentum, optimizer.nesterov) == (0.8, True)
        assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.99)
    assert optimizer.decay == 0.5
    again = ConvMuon.from_config(optimizer.get_config())
    assert (again.decay, again.steps) == (0.5, optimizer.steps)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_steps_are_in_float32_whatever_the_network_computes_in(precision):
    value, gradient = DRAW.normal(size=(2, 3, 3, 4, 8)).astype("float32")
    exact = step(ConvMuon(0.2, momentum=0.9), value, gradient)
    with policy(precision):
        optimizer = OPTIMIZERS["muon"](replace(Recipe(), weight_decay=0.0), 0.2, [])
        np.testing.assert_array_equal(step(optimizer, value, gradient), exact)
