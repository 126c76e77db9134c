"""Training as int8: what is imitated is what a phone computes, and training with it works."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_resnet import formats
from train import qat, results, run, sources
from train.recipe import FAST

DATA = sources.load("digits", None, None, 32)
CALIBRATION = DATA.train.images[:300]
RECIPE = replace(FAST, batch_size=64, flip="none")


@pytest.fixture(scope="module")
def model(digits_run):
    return results.restore(digits_run, run.read_record(digits_run))


def int8(model, folder):
    formats.save(model, folder, ["int8"], calibration=CALIBRATION)
    return formats.load(folder, "int8")(DATA.test.images)


def test_the_imitation_is_nearer_to_the_file_than_the_model_is(model, tmp_path):
    imitated = qat.imitation(qat.fold(model), CALIBRATION).predict(DATA.test.images, verbose=0)
    real, exact = int8(model, tmp_path), model.predict(DATA.test.images, verbose=0)
    assert np.abs(imitated - real).mean() < 0.8 * np.abs(exact - real).mean()


def test_training_lowers_the_loss_and_leaves_stock_layers(model, tmp_path):
    before = model.get_weights()
    tuned = qat.finetune(model, DATA.train, CALIBRATION, RECIPE, epochs=2)
    assert {type(layer).__module__.split(".")[0] for layer in tuned.layers} == {"keras"}
    tuned.save(tmp_path / "tuned.keras")
    keras.saving.load_model(tmp_path / "tuned.keras", safe_mode=True)

    def loss(probabilities):
        return results.scores(probabilities, probabilities, DATA.test)["crossentropy"]

    assert loss(int8(tuned, tmp_path)) < loss(int8(model, tmp_path))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # the model itself stays


def test_kernels_are_rounded_to_255_steps_for_each_channel():
    layer = qat.RoundedConv2D(4, 3)
    layer.build((None, 8, 8, 3))
    exact = np.random.default_rng(0).normal(0, 1, (3, 3, 3, 4)).astype("float32")
    layer.set_weights([exact * [1, 10, 100, 1000], np.zeros(4)])
    rounded = keras.ops.convert_to_numpy(layer.kernel)
    most = np.abs(rounded).max((0, 1, 2))
    steps = rounded / most * 127
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert len(np.unique(np.round(steps[..., 3]))) > 20  # large channels do not drown the others
    assert len(np.unique(np.round(steps[..., 0]))) > 20
