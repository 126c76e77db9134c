"""What an epoch draws."""

from dataclasses import replace

import numpy as np
import pytest

from train.data.augment import (
    CROP,
    FLIP,
    EpochPlan,
    augmenter,
    epoch_plan,
    random_bits,
    random_ints,
)
from train.data.dataset import Split
from train.settings.recipe import Recipe

pytestmark = pytest.mark.unit
RECIPE = Recipe(seed=7, crop_padding=2, flip="random", mixup=0.25)
IMAGES = np.random.default_rng(0).integers(0, 256, (50, 6, 8, 3)).astype("uint8")


def test_philox_gives_the_numbers_that_it_gave_when_this_was_written():
    """A seed means the same pixels on every machine, with every backend and version of NumPy."""
    assert [int(bits) for bits in random_bits(1, 2, 3, 2)] == BITS
    assert random_ints(1, 2, 3, 5, 10).tolist() == INTS


BITS = [6763254593281985707, 2167163343696135169]
INTS = [3, 1, 5, 3, 4]


def test_ints_are_even_and_within_their_limit():
    drawn = random_ints(0, CROP, 0, 90_000, 9)
    assert (drawn.min(), drawn.max()) == (0, 8)
    assert np.abs(np.bincount(drawn) - 10_000).max() < 500


def test_streams_epochs_and_seeds_are_independent():
    rows = [random_bits(*where, 100) for where in ((0, CROP, 0), (0, FLIP, 0), (0, CROP, 1))]
    rows.append(random_bits(1, CROP, 0, 100))
    assert len(np.unique(np.concatenate(rows))) == 400


def test_an_order_has_every_image_once():
    plan = epoch_plan(RECIPE, 50, 3)
    assert sorted(plan.order) == list(range(50))
    assert not np.array_equal(plan.order, epoch_plan(RECIPE, 50, 4).order)


def test_a_pool_repeats_augmentations_in_another_order():
    recipe = replace(RECIPE, augmentation_pool=2)
    one, again, other = (epoch_plan(recipe, 50, epoch) for epoch in (0, 2, 1))
    for name in set(EpochPlan._fields) - {"order", "cuts"}:
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert not np.array_equal(getattr(one, name), getattr(other, name))
    assert not np.array_equal(one.order, again.order)


def test_crops_and_flips_are_where_the_plan_says():
    split, fill = Split(IMAGES, np.zeros(50, "int32")), np.array([1, 2, 3], "uint8")
    recipe = replace(RECIPE, mixup=0.0)
    plan, index = epoch_plan(recipe, 50, 0), np.array([4, 0, 4, 49])
    framed = np.empty((50, 10, 12, 3), "uint8")
    framed[:] = fill
    framed[:, 2:8, 2:10] = IMAGES
    for image, place in zip(augmenter(split, recipe, fill)(index, plan), index, strict=True):
        top, left = plan.offsets[place]
        expected = framed[place, top : top + 6, left : left + 8]
        expected = expected[:, ::-1] if plan.mirrored[place] else expected
        np.testing.assert_array_equal(image, expected)
