"""Training as int8: what is imitated is what a phone computes, and training with it works."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from keras_resnet import LeNet5, ResNet, cifar
from keras_resnet.export import formats
from train.compress import quantization_aware
from train.data import sources
from train.data.dataset import Split
from train.runs.restore import restore
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.recipes import FAST
from train.trainer import fitting, trainer


def noisy(split):
    """Of which the network is unsure, so that int8 differs by more than its last rounding."""
    images = split.read()
    noise = np.random.default_rng(0).normal(0, 60, images.shape)
    return Split(np.clip(images + noise, 0, 255).astype("uint8"), split.labels)


DATA = sources.load(DataSettings("digits"), 32)
CALIBRATION = DATA.train.read()[:300]
NOISY, NOISY_TEST = noisy(DATA.train), noisy(DATA.test)
NOISY_CALIBRATION = NOISY.read()[:300]
RECIPE = replace(FAST, batch_size=64, flip="none")
FLOAT32 = Execution(precision="float32")


@pytest.fixture(scope="module")
def model(digits_run):
    return restore(digits_run).model


def right(network, data=DATA):
    return (network.predict(data.test.read(), verbose=0).argmax(-1) == data.test.labels).mean()


def int8(model, folder):
    formats.save(model, folder, ["int8"], calibration=NOISY_CALIBRATION)
    return formats.load(folder, "int8")(NOISY_TEST.read())


@pytest.fixture(scope="module")
def as_int8(model, tmp_path_factory):
    return int8(model, tmp_path_factory.mktemp("int8"))


def test_the_imitation_is_nearer_to_the_file_than_the_model_is(model, as_int8):
    imitated = quantization_aware.fake_quantized(
        quantization_aware.fold(model), NOISY_CALIBRATION
    ).predict(NOISY_TEST.read(), verbose=0)
    exact = model.predict(NOISY_TEST.read(), verbose=0)
    assert np.abs(imitated - as_int8).mean() < 0.9 * np.abs(exact - as_int8).mean()


@pytest.mark.parametrize("order", ["original", "full_preact"])
def test_all_that_was_learned_is_trained_on(order):
    image = keras.Input((32, 32, 3))
    model = ResNet(
        cifar(8, activation_order=order),
        input_tensor=layers.Normalization(mean=1, variance=2)(image),
    )
    student = quantization_aware.fake_quantized(quantization_aware.fold(model), CALIBRATION[:2])
    trained = {layer.name for layer in student.layers if layer.trainable_weights}
    learned = (layers.Conv2D, layers.Dense)
    assert trained == {layer.name for layer in model.layers if isinstance(layer, learned)}


def test_training_brings_int8_nearer_to_the_model_and_leaves_stock_layers(model, as_int8, tmp_path):
    before = model.get_weights()
    said = model.predict(NOISY_TEST.read(), verbose=0)
    tuned = quantization_aware.finetune(model, NOISY, NOISY_CALIBRATION, RECIPE, epochs=1)
    assert {type(layer).__module__.split(".")[0] for layer in tuned.layers} == {"keras"}
    tuned.save(tmp_path / "tuned.keras")
    keras.saving.load_model(tmp_path / "tuned.keras", safe_mode=True)

    # Not cross-entropy: what the output's own rounding makes zero would be most of it.
    assert np.abs(int8(tuned, tmp_path) - said).mean() < 0.9 * np.abs(as_int8 - said).mean()
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # the model itself stays


@pytest.mark.slow
def test_what_a_student_learned_of_mixed_images_stays(model):
    taught = replace(RECIPE, teacher="gone", augmentation_pool=2, mixup=0.5)
    tuned = quantization_aware.finetune(model, DATA.train, CALIBRATION, taught, epochs=1)
    assert right(tuned) > right(model) - 0.02


@pytest.mark.slow
def test_a_student_whose_images_are_not_centred_learns_too(tmp_path):
    """With the rate of a kernel that has the division in it, it would forget everything."""
    data = sources.load(DataSettings("digits", image_size=16), 16)
    recipe = replace(RECIPE, epochs=4, subtract_mean=False)
    training = trainer.prepare(cifar(8, width_multiplier=0.5), recipe, data, FLOAT32)
    model = fitting.fit(training, tmp_path, verbose=False).model
    tuned = quantization_aware.finetune(
        model, data.train, data.train.read()[:300], recipe, epochs=1
    )
    assert "normalization" not in [layer.name for layer in tuned.layers]
    assert right(tuned, data) > right(model, data) - 0.05 > 0.8


def test_images_that_grew_in_training_are_whole():
    few = Split(DATA.train.read()[:32], DATA.train.labels[:32])
    recipe = replace(RECIPE, batch_size=16, crop="area", first_size=0.5, last_size=0.75)
    model = ResNet(cifar(8, input_shape=(32, 32, 3), widths=(1, 1, 1)))
    tuned = quantization_aware.finetune(model, few, CALIBRATION[:2], recipe, epochs=1)
    assert tuned.input_shape == model.input_shape


def test_activations_that_are_scaled_by_numbers_are_rounded_too():
    """As the squashed ones of LeNet-5, which Keras takes for sparse."""
    model = LeNet5()
    images = np.zeros((4, *model.input_shape[1:]), "uint8")
    imitated = quantization_aware.fake_quantized(quantization_aware.fold(model), images)
    assert imitated.output_shape == model.output_shape


def test_kernels_are_rounded_to_255_steps_for_each_channel():
    layer = quantization_aware.FakeQuantizedConv2D(4, 3)
    layer.build((None, 8, 8, 3))
    exact = np.random.default_rng(0).normal(0, 1, (3, 3, 3, 4)).astype("float32")
    layer.set_weights([exact * [1, 10, 100, 1000], np.zeros(4)])
    rounded = keras.ops.convert_to_numpy(layer.kernel)
    most = np.abs(rounded).max((0, 1, 2))
    steps = rounded / most * 127
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert len(np.unique(np.round(steps[..., 3]))) > 20  # large channels do not drown the others
    assert len(np.unique(np.round(steps[..., 0]))) > 20
