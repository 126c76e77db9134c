"""A first convolution that whitens."""

import numpy as np
import pytest

from keras_resnet import InputError, Spec
from keras_resnet.convert import open_weights
from keras_resnet.spec import SPECS
from train.data.dataset import Data, Split
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import fitting, trainer
from train.trainer.whitening import first_convolution

SPEC = Spec(blocks=(1,), widths=(64,), stem="early")  # whose first convolution has 12 filters
RECIPE = Recipe(epochs=1, batch_size=20, whitened_stem=True, validation_fraction=0.0)
FLOAT32 = Execution(precision="float32")
DRAW = np.random.default_rng(0)
# As in photographs, neighbours are alike, and channels, too.
IMAGES = DRAW.integers(0, 200, (60, 8, 8, 1)).repeat(2, 1).repeat(2, 2)
IMAGES = (IMAGES + DRAW.integers(0, 56, (60, 16, 16, 3))).astype("uint8")
SPLIT = Split(IMAGES, np.arange(60, dtype="int32") % 3)
DATA = Data("noise", ("red", "green", "blue"), SPLIT, SPLIT)


def test_its_outputs_are_of_equal_variance_in_pairs_of_opposites_and_stay(tmp_path):
    training = trainer.prepare(SPEC, RECIPE, DATA, FLOAT32)
    layer = first_convolution(training.model)
    kernel, *_ = layer.get_weights()
    np.testing.assert_array_equal(kernel[..., ::2], -kernel[..., 1::2])
    mean, std = training.normalization
    responses = np.asarray(layer(((IMAGES - mean) / std).astype("float32")))
    within = responses[:, 1:-1, 1:-1, ::2].reshape(-1, 6)
    np.testing.assert_allclose(within.T @ within / len(within), np.eye(6), atol=0.02)
    result = fitting.fit(training, tmp_path)
    np.testing.assert_array_equal(first_convolution(result.model).get_weights()[0], kernel)


def test_it_has_no_more_filters_than_there_are_directions():
    with pytest.raises(InputError, match=r"at most 54 filters, .* and this one has 64"):
        trainer.prepare(Spec(blocks=(1,), widths=(64,)), RECIPE, DATA, FLOAT32)


def test_it_would_undo_weights_that_a_training_begins_from():
    weights = open_weights("cifar10", SPECS["ResNet20"])
    with pytest.raises(InputError, match="whitened_stem is for networks that begin without"):
        trainer.prepare(SPECS["ResNet20"], RECIPE, DATA, FLOAT32, weights=weights)
