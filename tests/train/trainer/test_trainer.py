from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_resnet import InputError, Spec, cifar
from keras_resnet.spec import NETWORKS
from train.data.dataset import Data, Split
from train.data.statistics import Normalization, statistics
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.settings.recipes import FAST
from train.trainer import fitting, trainer
from train.trainer.model import network_model

DRAW = np.random.default_rng(0)
RECIPE = Recipe(epochs=2, batch_size=20, learning_rate=0.01, crop_padding=1)
SPEC = Spec(blocks=(1,), widths=(16,))
FLOAT32 = Execution(precision="float32")
HALVES = ("bfloat16", "float16")  # test_survive.py trains in both


def some(count):
    """Images whose colour tells their class."""
    labels = np.arange(count, dtype="int32") % 3
    images = DRAW.integers(0, 100, (count, 8, 8, 3))
    images[np.arange(count), :, :, labels] += 120
    return Split(images.astype("uint8"), labels)


@pytest.fixture
def fit(tmp_path):
    """Trains in a new folder each time."""
    folders = iter(range(9))
    return lambda training: fitting.fit(training, tmp_path / str(next(folders)))


DATA = Data("colours", ("red", "green", "blue"), some(100), some(30))


def test_l2_is_half_the_decay_times_the_squared_kernels():
    training = trainer.prepare(SPEC, replace(RECIPE, weight_decay=0.5), DATA, FLOAT32)
    kernels = [w for w in training.model.get_weights() if w.ndim > 1]
    expected = 0.25 * sum(np.sum(kernel.astype("float64") ** 2) for kernel in kernels)
    assert float(sum(training.model.losses)) == pytest.approx(expected, rel=1e-5)


def test_images_grow_while_it_trains_and_the_network_is_delivered_for_the_datas_size(fit):
    large = [Split(s.read().repeat(4, 1).repeat(4, 2), s.labels) for s in (DATA.train, DATA.test)]
    data = Data("large colours", DATA.classes, *large)
    recipe = replace(RECIPE, epochs=3, crop="area", min_area=0.5, first_size=0.5, learning_rate=0.1)
    training = trainer.prepare(SPEC, recipe, data, FLOAT32)
    assert training.model.input_shape == (None, None, None, 3)
    result = fit(training)
    assert result.model.input_shape == (None, 32, 32, 3)
    said = result.model.predict(data.test.read(), verbose=0).argmax(-1)
    assert np.mean(said == data.test.labels) > 0.9
    for name, message in (("VGG11", "end in global pooling"), ("ResNet18", "at least 32x32")):
        with pytest.raises(InputError, match=message):
            trainer.prepare(NETWORKS[name], recipe, data, FLOAT32)


def test_one_step_is_the_papers_sgd_with_coupled_decay(fit):
    """W - rate * (gradient + decay * w) for kernels; nothing but the gradient for the rest."""
    recipe = replace(RECIPE, epochs=1, batch_size=90, weight_decay=0.1, momentum=0.9)
    recipe = replace(recipe, schedule="step", learning_rate=0.1, crop_padding=0, flip="none")
    moved = {}
    for decay in (0.0, 0.1):
        training = trainer.prepare(SPEC, replace(recipe, weight_decay=decay), DATA, FLOAT32)
        before = training.model.get_weights()
        assert training.steps == 1
        fit(training)
        moved[decay] = [b - a for a, b in zip(before, training.model.get_weights(), strict=True)]
    for weight, free, bound in zip(before, moved[0.0], moved[0.1], strict=True):
        pull = -0.1 * 0.1 * weight if weight.ndim > 1 else 0
        np.testing.assert_allclose(bound, free + pull, atol=2e-5)


@pytest.mark.parametrize(
    "precision",
    ["float32", *(pytest.param(f"mixed_{kind}", marks=pytest.mark.slow) for kind in HALVES)],
)
def test_training_learns_and_delivers_stock_float32(fit, precision):
    recipe = replace(RECIPE, epochs=6, learning_rate=0.05, schedule="one_cycle", warmup=0.3)
    result = fit(trainer.prepare(SPEC, recipe, DATA, Execution(precision=precision)))
    assert {type(layer).__module__.split(".")[0] for layer in result.model.layers} == {"keras"}
    assert {layer.compute_dtype for layer in result.model.layers} == {"float32"}
    probabilities = result.model.predict_on_batch(DATA.test.read())
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)
    assert np.mean(probabilities.argmax(-1) == DATA.test.labels) > 0.8
    assert result.images_per_second > 0
    assert result.last_epoch.keys() >= {"accuracy", "loss", "val_accuracy", "val_loss"}


def test_images_that_are_not_centred_are_divided_only(fit):
    recipe = replace(RECIPE, epochs=6, learning_rate=0.05, subtract_mean=False)
    training = trainer.prepare(SPEC, recipe, DATA, FLOAT32)
    _, deviation = statistics(training.images)
    assert training.normalization == ([0.0] * 3, deviation)
    model = fit(training).model
    network = keras.Model(model.get_layer("normalization").output, model.output)
    images = DATA.test.read()
    expected = network.predict_on_batch(images / np.array(deviation, "float32"))
    np.testing.assert_allclose(model.predict_on_batch(images), expected, atol=1e-5)
    assert np.mean(expected.argmax(-1) == DATA.test.labels) > 0.8


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training to compare others with."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    return fitting.fit(trainer.prepare(SPEC, RECIPE, DATA, FLOAT32), folder)


def test_the_same_seed_gives_the_same_weights_to_the_bit(fit, trained):
    again = fit(trainer.prepare(SPEC, RECIPE, DATA, FLOAT32))
    for one, other in zip(trained.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_raw_images_are_normalized_inside():
    scale = Normalization([100.0, 50.0, 10.0], [10.0, 20.0, 1.0])
    spec = replace(SPEC, input_shape=(8, 8, 3), classes=3)
    model = network_model(spec, scale, None)
    layer = keras.Model(model.inputs, model.get_layer("normalization").output)
    raw = np.full((1, 8, 8, 3), [120, 40, 12], "uint8")
    np.testing.assert_allclose(layer.predict_on_batch(raw)[0, 0, 0], [2.0, -0.5, 2.0], rtol=1e-6)


def test_the_test_images_are_not_looked_at(fit, trained):
    images = np.zeros_like(DATA.test.read())
    other = replace(DATA, test=Split(images, DATA.test.labels))
    results = [trained, fit(trainer.prepare(SPEC, RECIPE, other, FLOAT32))]
    seen = [{**result.last_epoch, "images_per_second": None} for result in results]
    assert seen[0] == seen[1]


def test_without_validation_all_training_images_are_used(fit):
    recipe = replace(RECIPE, epochs=1, validation_fraction=0.0)
    training = trainer.prepare(SPEC, recipe, DATA, FLOAT32)
    assert training.steps == 5
    assert "val_loss" not in fit(training).last_epoch


def test_mirror_images_of_signs_are_not_made():
    assert trainer.prepare(SPEC, FAST_SMALL, DATA, FLOAT32).recipe == FAST_SMALL
    signs = replace(DATA, mirror=False)
    assert trainer.prepare(SPEC, FAST_SMALL, signs, FLOAT32).recipe.flip == "none"


FAST_SMALL = replace(FAST, batch_size=20)


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(InputError, match="batch_size 128 is more than the 90 training images"):
        trainer.prepare(SPEC, FAST, DATA, FLOAT32)


def test_the_best_epoch_needs_images_held_out():
    recipe = replace(RECIPE, deliver="best", validation_fraction=0.001)
    with pytest.raises(InputError, match=r"validation_fraction 0.001 holds out no image: raise it"):
        trainer.prepare(SPEC, recipe, DATA, FLOAT32)
    with pytest.raises(InputError, match=r"patience 3 waits for .*0.001 holds out no image"):
        trainer.prepare(SPEC, replace(recipe, deliver="last", patience=3), DATA, FLOAT32)


def test_a_hole_as_large_as_an_image_is_refused():
    trainer.prepare(SPEC, replace(RECIPE, cutout=7), DATA, FLOAT32)
    with pytest.raises(InputError, match="cutout 8 can hide all of an image of 8x8 pixels: give"):
        trainer.prepare(SPEC, replace(RECIPE, cutout=8), DATA, FLOAT32)


def test_images_too_small_for_the_network_are_refused():
    spec = cifar(8, stem="imagenet")
    with pytest.raises(InputError, match="Input size must be at least 16x16"):
        trainer.prepare(spec, RECIPE, DATA, FLOAT32)


@pytest.mark.slow  # test_batches.py: what the weights are
def test_with_balanced_weights_a_rare_class_is_said_more_often(fit):
    """Two shades that overlap, and nine images of the one for each of the other."""
    draw = np.random.default_rng(0)

    def shades(count):
        labels = (np.arange(count) % 10 == 0).astype("int32")
        grey = np.clip(draw.normal(110 + 30 * labels, 30), 0, 255).astype("uint8")
        return Split(np.tile(grey[:, None, None, None], (1, 8, 8, 3)), labels)

    data = Data("shades", ("often", "rare"), shades(1000), shades(300))
    recalls = {}
    for weights in ("none", "balanced"):
        recipe = replace(RECIPE, epochs=4, validation_fraction=0.0, class_weight=weights)
        model = fit(trainer.prepare(SPEC, recipe, data, FLOAT32)).model
        said = model.predict(data.test.read(), verbose=0).argmax(-1)
        recalls[weights] = said[data.test.labels == 1].mean()
    assert recalls["none"] < 0.3 < 0.5 < recalls["balanced"]
