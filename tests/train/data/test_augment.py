"""What an epoch draws."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from keras_resnet import InputError
from train.data.augment import augmenter, color_draws
from train.data.crops import epoch_shape
from train.data.dataset import Split
from train.data.draws import (
    BOX,
    CROP,
    FLIP,
    HOLE_STEPS,
    EpochPlan,
    epoch_plan,
    random_bits,
    random_ints,
    uniforms,
)
from train.data.images import put
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


PLACES = np.stack([*np.mgrid[60:120, 60:150], np.full((60, 90), 90)], -1).astype("uint8")


class Places:
    """Images that are larger than what is read of them, whose colors say where they are."""

    shape = (16, 16, 3)

    def __len__(self):
        return 200

    def part(self, index, choose, shape):
        return put(Image.fromarray(PLACES), choose(60, 90), shape)

    def read(self, index):
        raise AssertionError("an image was read whole")


PHOTOS = Split(Places(), np.zeros(200, "int32"))
PLAIN = Recipe(seed=3, flip="none", crop="area")


def seen(recipe, index=None, epoch=0):
    """Augmented images, as floats."""
    index = np.arange(200) if index is None else index
    augment = augmenter(PHOTOS, recipe, np.array([7, 7, 7], "uint8"))
    return augment(index, epoch_plan(recipe, 200, epoch)).astype(float)


def sides(images):
    """Height and width of what each image shows of `PLACES`, from its colors."""
    rows, columns = images[:, :, 8, 0], images[:, 8, :, 1]
    return [(part[:, 14] - part[:, 1]) / 13 * 16 for part in (rows, columns)]


def test_area_crops_have_the_areas_and_proportions_asked_for():
    """Uniform areas from 8 % on, and aspects whose logarithm is uniform, where they fit."""
    height, width = sides(seen(PLAIN))
    areas, aspects = height * width / (60 * 90), width / height
    assert 0.07 < areas.min() < 0.15 and 0.8 < areas.max() <= 1.03
    assert 0.65 < aspects.min() < 0.85 and 1.2 < aspects.max() < 1.5
    height, width = sides(seen(replace(PLAIN, min_area=0.5, max_aspect=1.0)))
    np.testing.assert_allclose(height, width, atol=1.5)
    assert (height * width / (60 * 90)).min() > 0.47


def test_scale_crops_are_squares_of_a_random_size_at_a_random_place():
    images = seen(replace(PLAIN, crop="scale"))
    height, width = sides(images)
    np.testing.assert_allclose(height, width, atol=1.5)
    assert 26 < height.min() < 31 and 49 < height.max() < 54  # 60 by 480/224 and by 256/224
    centers = images[:, 8, 8, :2] - 60
    assert (centers.min(0) < [22, 25]).all() and (centers.max(0) > [38, 65]).all()


def test_images_grow_while_they_are_trained_on_and_show_the_same():
    """Progressive resizing: from a half to the whole within four fifths of ten epochs."""
    recipe = replace(PLAIN, epochs=10, first_size=0.5)
    grown = [epoch_shape(recipe, (128, 96, 3), epoch) for epoch in range(10)]
    assert [sides[:2] for sides in grown[:4]] == [(64, 48), (64, 48), (80, 64), (96, 64)]
    assert grown[8] == grown[9] == (128, 96, 3)
    small = {epoch_shape(recipe, (32, 32, 3), epoch)[0] for epoch in range(10)}
    assert small == {16, 20, 24, 28, 32}
    odd = [epoch_shape(recipe, (100, 8, 3), epoch) for epoch in range(10)]
    assert (odd[0], odd[7], odd[8]) == ((48, 4, 3), (96, 8, 3), (100, 8, 3))
    larger = Places()
    larger.shape = (32, 32, 3)
    augment = augmenter(Split(larger, np.zeros(200, "int32")), recipe, np.zeros(3, "uint8"))
    found = augment(np.arange(200), epoch_plan(recipe, 200, 0))
    np.testing.assert_array_equal(found, seen(PLAIN))  # of 16 pixels
    with pytest.raises(InputError, match="are for crops of another scale"):
        replace(recipe, crop="pad")


def test_what_an_image_shows_is_its_own_in_each_epoch_whatever_is_read_with_it():
    recipe = replace(PLAIN, color_jitter=0.4, lighting=0.1, random_erasing=0.5, cutmix=0.5)
    whole, few = seen(recipe), np.array([150, 3, 3])
    np.testing.assert_array_equal(seen(recipe, few), whole[few])
    assert (seen(recipe, epoch=1) != whole).any((1, 2, 3)).all()
    assert (seen(replace(recipe, seed=4)) != whole).any((1, 2, 3)).all()
    pooled = replace(recipe, augmentation_pool=2)
    np.testing.assert_array_equal(seen(pooled, epoch=0), seen(pooled, epoch=2))


def test_a_mirrored_photograph_shows_the_same_from_right_to_left():
    recipe = replace(PLAIN, flip="random")
    mirrored = epoch_plan(recipe, 200, 0).mirrored
    images, straight = seen(recipe), seen(PLAIN)
    np.testing.assert_array_equal(images[mirrored], straight[mirrored][:, :, ::-1])
    np.testing.assert_array_equal(images[~mirrored], straight[~mirrored])
    assert 70 < mirrored.sum() < 130


@pytest.mark.parametrize("name", ["color_jitter", "lighting"])
def test_one_augmentation_does_not_change_what_another_draws(name):
    """Each has a stream of its own."""
    images, plain = seen(replace(PLAIN, **{name: 0.1})), seen(PLAIN)
    for image, other in zip(images[:20], plain[:20], strict=True):
        lines = np.c_[other.reshape(-1, 3), np.ones(256)]
        fitted = lines @ np.linalg.lstsq(lines, image.reshape(-1, 3))[0]
        assert abs(fitted - image.reshape(-1, 3)).max() < 1.5  # of the same part, in other colors


def test_cutmix_gives_an_image_a_box_of_another_and_says_how_much():
    recipe = replace(PLAIN, cutmix=0.6)
    plan, plain, images = epoch_plan(recipe, 200, 0), seen(PLAIN), seen(recipe)
    cut = plan.lambdas > 0
    assert 90 < cut.sum() < 150
    np.testing.assert_array_equal(images[~cut], plain[~cut])
    others = plain[plan.partners]
    different = plan.partners != np.arange(200)
    rows = (images, plain, others, plan.lambdas)
    for image, own, other, share in zip(*(row[different] for row in rows), strict=True):
        from_other = (image == other).all(-1) & (own != other).any(-1)
        assert ((image == own).all(-1) | from_other).all()
        assert from_other.mean() == pytest.approx(share, abs=0.13)  # boxes are of whole pixels
    assert plan.lambdas.max() > 0.8


def test_cutout_hides_a_square_around_any_pixel():
    images, plain = seen(replace(PLAIN, cutout=5)), seen(PLAIN)
    hidden = (images != plain).any(-1)
    assert (images[hidden] == 7).all()
    centers = epoch_plan(PLAIN, 200, 0).holes * 16 // HOLE_STEPS
    assert np.array_equal(np.unique(centers), np.arange(16))
    for mask, (row, column) in zip(hidden, centers, strict=True):
        expected = np.zeros((16, 16), bool)
        expected[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = True
        np.testing.assert_array_equal(mask, expected)


def test_a_border_is_the_image_in_a_mirror():
    split, fill = Split(IMAGES, np.zeros(50, "int32")), np.zeros(3, "uint8")
    recipe = replace(RECIPE, mixup=0.0, flip="none", border="reflect")
    plan = epoch_plan(recipe, 50, 0)
    for image, whole, (top, left) in zip(
        augmenter(split, recipe, fill)(np.arange(50), plan), IMAGES, plan.offsets, strict=True
    ):
        rows, columns = (np.abs(np.arange(n) + at - 2) for n, at in ((6, top), (8, left)))
        rows, columns = (np.where(i < n, i, 2 * n - 2 - i) for n, i in ((6, rows), (8, columns)))
        np.testing.assert_array_equal(image, whole[rows][:, columns])


def test_erasing_fills_a_part_with_the_mean_color():
    images, plain = seen(replace(PLAIN, random_erasing=0.5)), seen(PLAIN)
    erased = (images != plain).any(-1)
    assert (images[erased] == 7).all()
    shares = erased.mean((1, 2))
    assert 70 < (shares > 0).sum() < 130
    assert shares[shares > 0].min() > 0.005 and 0.3 < shares.max() < 0.5


def test_colors_of_grey_images_cannot_change():
    grey = Split(IMAGES[..., :1], np.zeros(50, "int32"))
    with pytest.raises(InputError, match="lighting is for RGB images"):
        augmenter(grey, replace(RECIPE, lighting=0.1), np.zeros(1, "uint8"))


def test_crops_and_every_change_of_color_draw_different_numbers():
    recipe = replace(PLAIN, color_jitter=0.4, lighting=0.1)
    plan = epoch_plan(recipe, 200, 0)
    drawn = [uniforms(3, BOX, 0, 9, 4), *color_draws(recipe, plan, 9).values()]
    assert len(np.unique(drawn)) == 12
