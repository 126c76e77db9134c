"""Two logical CPUs, in a process of their own, beside the one CPU of the test's process."""

import json

import numpy as np
import pytest

from tests.train.backend import replicas
from train.settings.execution import Execution


@pytest.fixture(scope="module")
def two(python, tmp_path_factory):
    """What came out on two devices, and the folder with the final weights."""
    folder = tmp_path_factory.mktemp("two")
    python("-m", "tests.train.backend.replicas", folder)
    return json.loads((folder / "result.json").read_text()), folder


def test_two_devices_give_the_curve_of_one(two, tmp_path):
    """Gradients, decay and statistics are those of the whole batch, up to rounding."""
    one = replicas.train(Execution(precision="float32"), tmp_path)
    result, folder = two
    assert (one["replicas"], result["replicas"]) == (1, 2)
    np.testing.assert_allclose(result["losses"], one["losses"], rtol=2e-3)
    np.testing.assert_allclose(result["losses"][:4], one["losses"][:4], rtol=1e-5)
    with np.load(tmp_path / "weights.npz") as ours, np.load(folder / "weights.npz") as theirs:
        for name in ours:
            np.testing.assert_allclose(theirs[name], ours[name], atol=0.02)


@pytest.mark.slow
def test_a_training_on_two_devices_goes_on_to_the_bit(python, tmp_path):
    """On one device: test_survive.py."""
    python("-m", "tests.train.backend.replicas", tmp_path, "goes_on")


def test_what_keras_cannot_do_on_two_devices_is_refused_before_training(two):
    result, _ = two
    assert replicas.works() == ["jit_compile", "steps_per_execution"]
    assert result["works"] == []
    assert result["refused"] == [
        "batch_size 21 cannot be divided evenly among 2 devices: make it a multiple of 2.",
        "jit_compile does not work on 2 devices: leave it out.",
        "steps_per_execution 3 does not work on 2 devices: leave it out.",
    ]
