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


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 0.02), ("bfloat16", 0.04), ("float16", 0.02)]
)
@pytest.mark.parametrize("shape", [(144, 16), (27, 16), (16, 144), (8, 8)])
def test_orthogonal_keeps_directions_and_evens_out_their_lengths(shape, dtype, tolerance):
    matrix = DRAW.normal(size=shape).astype("float32")
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    out = orthogonal(keras.ops.convert_to_tensor(matrix), dtype)
    within = u.T @ keras.ops.convert_to_numpy(keras.ops.cast(out, "float32")) @ v.T
    off = within - np.diag(np.diag(within))
    assert np.abs(off).max() < tolerance
    assert np.diag(within).min() > 0.65 - tolerance
    assert np.diag(within).max() < 1.25 + tolerance


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
    assert ConvMuon.from_config(optimizer.get_config()).decay == 0.5


def test_products_in_bfloat16_change_a_step_a_little():
    value, gradient = DRAW.normal(size=(2, 3, 3, 4, 8)).astype("float32")
    one, other = (
        step(ConvMuon(0.2, product_dtype=dtype, momentum=0.9), value, gradient)
        for dtype in ("float32", "bfloat16")
    )
    assert 0 < np.abs(one - other).max() < 0.05 * 0.04  # of the length of a step


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_products_are_in_the_type_that_the_network_computes_in(precision):
    with policy(precision):
        optimizer = OPTIMIZERS["muon"](Recipe(), 0.1, [])
    again = ConvMuon.from_config(optimizer.get_config())
    assert again.product_dtype == precision.removeprefix("mixed_")
