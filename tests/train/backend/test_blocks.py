"""Blocks of steps, on images that stay on the device, train as single steps do."""

import json

import pytest

pytestmark = pytest.mark.slow  # only accelerators get them by themselves


@pytest.fixture(scope="module")
def found(fresh_python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("blocks")
    said = fresh_python("-m", "tests.train.backend.blocks", folder, KERAS_BACKEND="jax").stdout
    return json.loads(said.splitlines()[-1])


def test_blocks_train_as_single_steps_up_to_rounding(found):
    """With mixup, dropout, averages and weights of classes."""
    assert found["single and block"] < 2e-5


def test_stopped_between_blocks_a_training_goes_on_to_the_bit(found):
    assert found["stop"] == "SIGTERM: stopped and saved after step 3 of epoch 1."
    assert found["whole and halves"] == 0


def test_the_device_shows_the_pixels_and_targets_of_the_host(found):
    """Also from within an epoch on, where the last block is shorter."""
    assert found["cropped"] == [0, [4, 1, 4, 2], 0]
    odd, sizes, most = found["mixed"]
    assert sizes == [4, 1, 4, 2]
    assert odd == 0 or (most == 1 and odd < 10)  # halves that are rounded otherwise


def test_nothing_waits_for_the_device_at_every_step(found):
    """A measure that Keras had made a float would have been waited for."""
    assert found["seen"] == ["ArrayImpl"] * 4


def test_accelerators_get_as_many_steps_at_once_as_divide_an_epoch(found):
    """Of 351 steps 117; of 151, a prime number, 128, and then the rest."""
    assert found["sizes"] == {"cpu": 1, "auto": 117, "prime": 128, "photographs": 1}
