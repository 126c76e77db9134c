"""Views are averaged as they say, and each look is taken once."""

import numpy as np
import pytest

from keras_resnet import InputError
from train import evaluate
from train.data.dataset import Split
from train.data.images import resize
from train.evaluation import views
from train.evaluation.views import VIEWS, by_view

pytestmark = pytest.mark.unit
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 14, 14, 3), np.uint8)
SPLIT = Split(IMAGES, np.zeros(3, np.int32))


class Eye:
    """Probabilities by the color of a corner; counts what it has looked at."""

    name = "eye"

    def __init__(self):
        self.sizes = []

    def predictor(self, scale):
        def predict(images):
            self.sizes.append(images.shape[1:3])
            numbers = images[:, 0, 0].astype(float) + 1
            return numbers / numbers.sum(-1, keepdims=True)

        return predict

    def macs_at(self, scale):
        return round(1000 * scale**2)


def test_the_weights_of_each_view_are_a_whole():
    assert [sum(view.values()) for view in VIEWS.values()] == pytest.approx([1] * len(VIEWS))


def test_one_view_is_the_prediction_itself():
    eye = Eye()
    np.testing.assert_allclose(by_view(eye, SPLIT, ["one"])["one"], eye.predictor(1)(IMAGES))


def test_six_views_are_those_of_the_recipe_for_94_percent():
    found = by_view(Eye(), SPLIT, ["six", "one"])["six"]
    look = Eye().predictor(1)

    def both(images):
        return (np.log(look(images)) + np.log(look(images[:, :, ::-1]))) / 2

    framed = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    shifted = (both(framed[:, :-2, :-2]) + both(framed[:, 2:, 2:])) / 4
    mean = np.exp(both(IMAGES) / 2 + shifted)
    np.testing.assert_allclose(found, mean / mean.sum(-1, keepdims=True))


def test_a_look_that_several_views_have_is_taken_once():
    eye = Eye()
    by_view(eye, SPLIT, ["one", "mirror", "six"])
    assert len(eye.sizes) == 6


def test_ten_crops_are_corners_and_center_of_a_larger_image():
    eye = Eye()
    by_view(eye, SPLIT, ["ten"])
    assert eye.sizes == [(14, 14)] * 10
    larger = np.stack([resize(image, (16, 16, 3)) for image in IMAGES])
    assert larger.shape == (3, 16, 16, 3)
    np.testing.assert_array_equal(views.MOVES["bottom_right"](SPLIT, 1), larger[:, 2:, 2:])
    np.testing.assert_array_equal(views.MOVES["center"](SPLIT, 1), larger[:, 1:15, 1:15])


def test_scales_look_at_images_of_other_sizes_at_their_price():
    eye = Eye()
    by_view(eye, SPLIT, ["scales"])
    assert eye.sizes == [(12, 12), (14, 14), (16, 16)]
    assert views.macs(eye, "scales") == 766 + 1000 + 1306
    assert views.macs(eye, "six") == 6000


def test_the_command_names_every_view():
    assert [*evaluate.VIEWS] == [*VIEWS]


def test_views_are_checked():
    assert views.check(["six", "six"], True, "photos") == ["six", "one"]
    with pytest.raises(InputError, match="unknown view 'siz': did you mean 'six'"):
        views.check(["siz"], True, "photos")
    with pytest.raises(InputError, match="those of digits are of other classes: choose of one, sc"):
        views.check(["six"], False, "digits")
