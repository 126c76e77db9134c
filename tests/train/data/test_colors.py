"""Colors change as the codes that the recipe names change them, written here pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from train.data import colors
from train.settings.recipe import Recipe

pytestmark = pytest.mark.unit
IMAGE = np.random.default_rng(0).integers(60, 190, (9, 7, 3)).astype("uint8")


def grey(pixels):
    return (pixels @ [0.299, 0.587, 0.114])[..., None] * np.ones(3)


# fb.resnet.torch, datasets/transforms.lua: each blends with something, by a factor of 1 ± strength.
BLENDS = [
    lambda pixels: np.zeros_like(pixels),
    lambda pixels: np.full_like(pixels, grey(pixels).mean()),
    grey,
]


@pytest.mark.parametrize("number", range(6))
def test_jitter_is_that_of_fb_resnet_torch_in_every_order(number):
    drawn = [0.9, 0.2, 0.6, (number + 0.5) / 6]
    expected = IMAGE.astype(float)
    for which in colors.ORDERS[number]:
        factor = 1 + (2 * drawn[which] - 1) * 0.3
        expected = factor * expected + (1 - factor) * BLENDS[which](expected)
    image = Image.fromarray(IMAGE)
    seen = colors.recolor(image, Recipe(color_jitter=0.3), {"color_jitter": drawn})
    np.testing.assert_allclose(np.asarray(seen), expected.clip(0, 255), atol=0.51)


def test_lighting_adds_the_principal_components_of_colors():
    drawn = [0.975, 0.5, 0.025, 0.1]  # 1.96, 0 and -1.96 standard deviations
    shift = 255 * 0.1 * 1.96 * (
        0.2175 * np.array([-0.5675, -0.5808, -0.5836])
        - 0.0045 * np.array([0.4009, -0.8140, 0.4203])
    )  # fmt: skip
    seen = colors.recolor(Image.fromarray(IMAGE), Recipe(lighting=0.1), {"lighting": drawn})
    np.testing.assert_allclose(np.asarray(seen), IMAGE + shift, atol=0.51)


def test_maps_are_applied_together_as_one_after_the_other():
    recipe = Recipe(color_jitter=0.2, lighting=0.1)
    drawn = {"color_jitter": [0.1, 0.8, 0.3, 0.7], "lighting": [0.9, 0.4, 0.2, 0.0]}
    image = Image.fromarray(IMAGE)
    once = colors.recolor(image, recipe, drawn)
    for name, numbers in drawn.items():
        image = colors.recolor(image, recipe, {name: numbers})
    np.testing.assert_allclose(np.asarray(once), np.asarray(image).astype(int), atol=1)
