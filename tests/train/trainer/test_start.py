"""A training begins where its weights left off: the same function of the same images."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_resnet import InputError, ResNet, Spec, imagenet_utils, open_weights
from keras_resnet.spec.preprocessing import MODES, Preprocessing
from keras_resnet.weights.readers import HEAD
from tests.networks import vary
from train.data.dataset import Data, Split
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import trainer
from train.trainer.model import inference_model

SPEC = Spec(blocks=(1, 1), widths=(8, 16), input_shape=(8, 8, 3), classes=3, variant="keras_v1")
RECIPE = Recipe(epochs=1, batch_size=20, subtract_mean=False)
FLOAT32 = Execution(precision="float32")
DRAW = np.random.default_rng(0)  # noise of different colours
IMAGES = (DRAW.integers(0, 256, (60, 8, 8, 3)) * DRAW.random((60, 1, 1, 3))).astype("uint8")
RAW = IMAGES[:5].astype("float32")


def data(*classes):
    split = Split(IMAGES, np.arange(60, dtype="int32") % len(classes))
    return Data("noise", classes, split, split)


DATA = data("red", "green", "blue")


@pytest.fixture
def source(tmp_path):
    """A network to logits with statistics of its own, and its weights."""
    model = vary(ResNet(SPEC, classifier_activation=None))
    model.save_weights(tmp_path / "model.weights.h5")
    return model, open_weights(tmp_path / "model.weights.h5", SPEC)


@pytest.mark.parametrize(
    "mode",
    [pytest.param(m, marks=() if m in ("caffe", "torch") else pytest.mark.slow) for m in MODES],
)
def test_it_begins_with_the_function_of_the_weights(source, mode):
    """Those of Caffe take BGR, and a run takes RGB."""
    model, weights = source
    weights = weights._replace(preprocessing=MODES[mode])
    training = trainer.prepare(SPEC, RECIPE, DATA, FLOAT32, weights=weights)
    prepared = imagenet_utils.preprocess_input(RAW, mode=mode)
    expected = model.predict(prepared, verbose=0)
    assert expected.std(0).max() > 1e-2
    found = training.model.predict(RAW, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    expected_mean = np.broadcast_to(MODES[mode].mean, 3)
    np.testing.assert_array_equal(training.description()["normalization"]["mean"], expected_mean)
    said = training.description()["weights"]
    assert said == {"source": weights.source, "sha256": weights.sha256, "head": "kept"}


def test_of_unknown_preparation_the_images_tell(source):
    training = trainer.prepare(SPEC, RECIPE, DATA, FLOAT32, weights=source[1])
    assert training.normalization.std == trainer.statistics(training.images).std


@pytest.mark.parametrize(
    ("classes", "known"),
    [
        (("a", "b"), ()),
        pytest.param(("a", "b", "c"), ("a", "b", "d"), marks=pytest.mark.slow),
        (("b", "a", "c"), ("a", "b", "c")),
    ],
)
def test_other_classes_get_a_new_head_and_the_rest_is_kept(source, classes, known):
    model, weights = source
    weights = weights._replace(classes=known)
    training = trainer.prepare(SPEC, RECIPE, data(*classes), FLOAT32, weights=weights)
    assert training.description()["weights"]["head"] == "new"
    for layer in model.layers:
        ours = training.model.get_layer(layer.name).get_weights() if layer.weights else []
        if layer.name != HEAD:
            for one, other in zip(ours, layer.get_weights(), strict=True):
                np.testing.assert_array_equal(one, other)
    kernel = training.model.get_layer(HEAD).get_weights()[0]
    assert kernel.shape == (16, len(classes))
    assert not np.array_equal(kernel, model.get_layer(HEAD).get_weights()[0])


def test_a_distilled_network_begins_with_its_probabilities(source):
    model, weights = source
    recipe = replace(
        RECIPE, teacher="somebody", augmentation_pool=1, temperature=3.0, label_share=0.25
    )
    weights = weights._replace(preprocessing=MODES["torch"])
    training = trainer.prepare(SPEC, recipe, DATA, FLOAT32, weights=weights)
    final = inference_model(training.network, recipe, training.normalization, training.model)
    prepared = imagenet_utils.preprocess_input(RAW, mode="torch")
    expected = keras.ops.softmax(model.predict(prepared, verbose=0))
    np.testing.assert_allclose(final.predict(RAW, verbose=0), expected, atol=1e-5)


def test_weights_of_something_else_are_refused(source):
    _, weights = source
    other = replace(SPEC, activation_order="full_preact")
    with pytest.raises(InputError, match="with activation_order 'original', and the network here"):
        trainer.prepare(other, RECIPE, DATA, FLOAT32, weights=weights)
    two = Preprocessing(mean=(1, 2), std=(1, 2))
    with pytest.raises(InputError, match="images of 2 channels, and these have 3"):
        trainer.prepare(SPEC, RECIPE, DATA, FLOAT32, weights=weights._replace(preprocessing=two))
