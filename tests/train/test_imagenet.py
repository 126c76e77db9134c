"""Photographs: the command's own defaults, and the contact sheet."""

import numpy as np
import pytest
from PIL import Image

from keras_resnet.utils.errors import InputError
from tests.train.trainer.survive import colours
from train import imagenet
from train.data.dataset import Data
from train.evaluation.data_card import augmented_batch
from train.evaluation.preview import COLUMNS, GAP, draw_preview
from train.settings.recipe import Recipe


def test_photographs_must_be_named():
    with pytest.raises(InputError, match="say which photographs: --dataset=FOLDER"):
        imagenet.run()


def test_the_preview_shows_the_first_batch_as_it_is_augmented(tmp_path):
    data = Data("colours", ("red", "green", "blue"), colours(60), colours(30))
    recipe = Recipe(crop_padding=2, seed=3)
    sheet = np.asarray(Image.open(draw_preview(tmp_path, data, recipe)))
    images = augmented_batch(data, recipe)
    times = 96 // 8  # an image of 8 pixels is enlarged to 96
    for number, image in enumerate(images):
        top = number // COLUMNS * (96 + GAP) + GAP
        left = number % COLUMNS * (96 + GAP) + GAP
        shown = sheet[top : top + 96, left : left + 96]
        np.testing.assert_array_equal(shown, image.repeat(times, 0).repeat(times, 1))
    assert (sheet[:GAP] == 255).all()
