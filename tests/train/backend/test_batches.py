from dataclasses import replace

import numpy as np
import pytest

from keras_resnet import InputError
from train.backend.tensorflow.batches import (
    crop_indices,
    pool_batches,
    training_batches,
    validation_batches,
)
from train.backend.tensorflow.errors import explain_errors
from train.data.dataset import ArrayImages, Split
from train.data.draws import epoch_plan
from train.data.statistics import statistics
from train.settings.recipe import Recipe

DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 256, (50, 8, 8, 3)).astype("uint8")
LABELS = np.arange(50, dtype="int32") % 5
SPLIT = Split(IMAGES, LABELS)
TARGETS = np.eye(5, dtype="float32")[LABELS]
RECIPE = Recipe(epochs=2, batch_size=10, crop_padding=2, flip="random", seed=7)


def epochs(recipe, images=IMAGES):
    """All batches of a recipe, joined: images and labels, an epoch a row."""
    batches = list(training_batches(Split(images, LABELS), 5, recipe).as_numpy_iterator())
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return x.reshape(recipe.epochs, -1, *x.shape[1:]), y.reshape(recipe.epochs, -1, 5)


def marked():
    """Images that say which they are in every pixel."""
    return np.broadcast_to(np.arange(50, dtype="uint8")[:, None, None, None], (50, 8, 8, 3))


def test_every_crop_is_where_its_own_offset_says_and_flipped_on_demand():
    padded = DRAW.integers(0, 256, (5, 12, 11, 3)).astype("uint8")
    chosen, offsets = [4, 0, 4], [(0, 0), (4, 1), (2, 3)]
    mirrored = np.array([True, False, False])
    where = crop_indices(np.array(chosen), np.array(offsets), mirrored, (12, 11), (8, 7)).numpy()
    cut = padded.reshape(-1, 3)[where]
    for window, index, (top, left), back in zip(cut, chosen, offsets, mirrored, strict=True):
        expected = padded[index, top : top + 8, left : left + 7]
        np.testing.assert_array_equal(window, expected[:, ::-1] if back else expected)


def test_without_augmentation_an_epoch_is_the_images_in_a_new_order():
    plain = replace(RECIPE, crop_padding=0, flip="none")
    images, labels = epochs(plain)
    for epoch in range(2):
        order = [
            int(np.flatnonzero((image == IMAGES).all((1, 2, 3)))[0]) for image in images[epoch]
        ]
        assert sorted(order) == list(range(50))
        np.testing.assert_array_equal(labels[epoch].argmax(-1), LABELS[order])
    assert not np.array_equal(images[0], images[1])


def test_images_of_one_batch_have_windows_of_their_own():
    """Keras's RandomCrop takes one window for a whole batch."""
    same = np.broadcast_to(IMAGES[:1], IMAGES.shape)
    images, _ = epochs(replace(RECIPE, flip="none"), same)
    kinds = {image.tobytes() for image in images[0][:10]}
    assert len(kinds) >= 6
    frame = np.full((12, 12, 3), np.round(statistics(Split(same, LABELS)).mean), "uint8")
    frame[2:10, 2:10] = IMAGES[0]
    windows = {frame[i : i + 8, j : j + 8].tobytes() for i in range(5) for j in range(5)}
    assert {image.tobytes() for image in images.reshape(-1, 8, 8, 3)} <= windows
    # Over two epochs of 50 images nearly all of the 25 windows occur.
    assert len({image.tobytes() for image in images.reshape(-1, 8, 8, 3)}) > 20


def test_about_half_of_the_images_are_mirrored():
    recipe = replace(RECIPE, crop_padding=0, epochs=8)
    images, _ = epochs(recipe, np.broadcast_to(IMAGES[:1], IMAGES.shape))
    straight = (images == IMAGES[0]).all((2, 3, 4))
    assert ((images == IMAGES[0][:, ::-1]).all((2, 3, 4)) == ~straight).all()
    assert 0.4 < straight.mean() < 0.6


def test_alternating_images_are_mirrored_in_every_other_epoch():
    recipe = replace(RECIPE, crop_padding=0, epochs=4, flip="alternating", batch_size=50)
    images, _ = epochs(recipe, marked() + np.arange(8, dtype="uint8")[:, None])
    names, ways = images.max((2, 3, 4)), images[:, :, 0, 0, 0] < images[:, :, 0, -1, 0]
    straight = [dict(zip(name, way, strict=True)) for name, way in zip(names, ways, strict=True)]
    for image, way in straight[0].items():
        assert [epoch[image] for epoch in straight] == [way, not way, way, not way]
    assert 15 <= sum(straight[0].values()) <= 35


def test_the_same_seed_gives_the_same_epochs_and_another_others():
    first, again, other = (epochs(replace(RECIPE, seed=seed))[0] for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("batch_size", [5, 25])
def test_an_example_does_not_depend_on_the_batch_size(batch_size):
    images, labels = epochs(RECIPE)
    others, their_labels = epochs(replace(RECIPE, batch_size=batch_size))
    np.testing.assert_array_equal(images, others)
    np.testing.assert_array_equal(labels, their_labels)


def test_an_epoch_does_not_depend_on_the_ones_before():
    longer, _ = epochs(replace(RECIPE, epochs=3))
    np.testing.assert_array_equal(longer[:2], epochs(RECIPE)[0])


def test_what_exceeds_whole_batches_is_other_images_in_each_epoch():
    recipe = replace(RECIPE, batch_size=40, crop_padding=0, flip="none", epochs=3)
    images, _ = epochs(recipe, marked())
    left_out = [{*range(50)} - {*np.unique(epoch)} for epoch in images]
    assert [len(missing) for missing in left_out] == [10, 10, 10]
    assert left_out[0] != left_out[1]


@pytest.mark.parametrize(
    ("epoch", "step", "class_weight"), [(0, 3, "none"), (1, 0, "none"), (1, 4, "balanced")]
)
def test_batches_begin_at_any_step_as_if_the_ones_before_had_been_read(epoch, step, class_weight):
    recipe = replace(RECIPE, class_weight=class_weight)
    split = Split(IMAGES, LABELS**2 // 4)  # classes of different sizes
    whole = list(training_batches(split, 5, recipe).as_numpy_iterator())
    part = training_batches(split, 5, recipe, epoch, step)
    for batch, same in zip(whole[5 * epoch + step :], part.as_numpy_iterator(), strict=True):
        assert len(batch) == (2 if class_weight == "none" else 3)
        for array, other in zip(batch, same, strict=True):
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("size", [16, 25, 64])
def test_plain_batches_hold_every_image_once_and_in_order_and_fill_up_with_weight_zero(size):
    batches = list(validation_batches(SPLIT, 5, size).as_numpy_iterator())
    assert {len(x) for x, _, _ in batches} == {size}
    x, y, weights = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    np.testing.assert_array_equal(x[:50], IMAGES)
    np.testing.assert_array_equal(y[:50].argmax(-1), LABELS)
    assert (weights[50:] == 0).all()
    np.testing.assert_allclose(weights[:50], len(x) / 50)


def test_augmentations_are_used_cyclically_and_in_another_order():
    images, labels = epochs(replace(RECIPE, epochs=4, augmentation_pool=2), marked_corners())
    for epoch in (0, 1):
        first, again = (
            {image.tobytes() for image in images[number]} for number in (epoch, epoch + 2)
        )
        assert first == again
        assert not np.array_equal(labels[epoch], labels[epoch + 2])
    assert {image.tobytes() for image in images[0]} != {image.tobytes() for image in images[1]}


def test_a_view_is_what_training_sees_in_that_epoch():
    recipe = replace(RECIPE, augmentation_pool=2)
    images, _ = epochs(recipe)
    for view in range(2):
        seen = np.concatenate(list(pool_batches(SPLIT, recipe, view).as_numpy_iterator()))
        assert sorted(image.tobytes() for image in seen) == sorted(
            image.tobytes() for image in images[view]
        )


def test_each_view_has_targets_of_its_own():
    recipe = replace(RECIPE, epochs=3, augmentation_pool=2)
    targets = np.stack([TARGETS, 1 - TARGETS]).astype("float16")
    batches = list(training_batches(SPLIT, 5, recipe, targets=targets).as_numpy_iterator())
    sums = [batch[1].sum() for batch in batches]
    assert sums == [10] * 5 + [40] * 5 + [10] * 5
    assert batches[0][1].dtype == np.float32


def marked_corners():
    """Images that differ wherever they are cut."""
    return IMAGES // 2 + np.arange(50, dtype="uint8")[:, None, None, None]


def test_images_and_targets_are_mixed_alike():
    recipe = replace(RECIPE, epochs=4, crop_padding=0, flip="none", mixup=0.4, augmentation_pool=3)
    plan = epoch_plan(recipe, 50, 0)
    partners, lambdas = plan.partners, plan.lambdas
    assert 0 <= lambdas.min() < 0.1 and 0.3 < lambdas.max() < 0.4
    assert len({*partners}) > 20
    column = lambdas[:, None, None, None]
    expected = np.round((1 - column) * IMAGES + column * IMAGES[partners])
    seen = np.concatenate(list(pool_batches(SPLIT, recipe, 0).as_numpy_iterator()))
    np.testing.assert_allclose(seen, expected, atol=1)
    wanted = (1 - lambdas[:, None]) * TARGETS + lambdas[:, None] * TARGETS[partners]
    places = {image.tobytes(): place for place, image in enumerate(seen)}
    batches = [*training_batches(SPLIT, 5, recipe).as_numpy_iterator()]
    for images, targets in batches[:5] + batches[15:]:  # the fourth epoch has the first view
        order = [places[image.tobytes()] for image in images]
        np.testing.assert_allclose(targets, wanted[order], atol=1e-6)


def test_targets_predicted_for_mixed_images_are_not_mixed_again():
    recipe = replace(RECIPE, epochs=1, mixup=0.5, augmentation_pool=1)
    targets = DRAW.random((1, 50, 5)).astype("float32")
    batches = training_batches(SPLIT, 5, recipe, targets=targets)
    seen = [row for _, rows in batches for row in rows.numpy()]
    assert {row.tobytes() for row in seen} == {row.tobytes() for row in targets[0]}


class OnDisk:
    """Images that are read by index, and not in memory."""

    def part(self, index, choose, shape):
        self.asked += 1
        return ArrayImages(IMAGES).part(index, choose, shape)

    shape, digests = IMAGES.shape[1:], None

    def __init__(self):
        self.asked = 0

    def __len__(self):
        return len(IMAGES)

    def read(self, index, scale=1, wider=False):
        self.asked += len(index)
        return ArrayImages(IMAGES).read(index, scale, wider)


@pytest.mark.parametrize("rows", [None, np.arange(5, 45)])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mixup": 0.3, "border": "reflect", "cutout": 3},
        {"crop": "area", "color_jitter": 0.4, "lighting": 0.1, "random_erasing": 0.5},
        {"crop": "scale", "mixup": 0.3, "cutmix": 0.5},
        {"color_jitter": 0.4, "cutmix": 1.0},
    ],
)
def test_images_that_are_not_in_memory_give_the_same_pixels(changes, rows):
    recipe = replace(RECIPE, epochs=2, **changes)
    seen = []
    for images in (IMAGES, OnDisk()):
        split = Split(images, LABELS, rows)
        trained, held_out = (
            training_batches(split, 5, recipe, 0, 1),
            validation_batches(split, 5, 16),
        )
        for specs, size in ((trained.element_spec, recipe.batch_size), (held_out.element_spec, 16)):
            assert all(spec.shape.is_fully_defined() for spec in specs), "slower by a quarter"
            assert {spec.shape[0] for spec in specs} == {size}
        batches = [*trained, *held_out]
        seen.append(batches + [(part,) for part in pool_batches(split, recipe, 1)])
    assert images.asked > 0
    for one, other in zip(*seen, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_an_image_that_cannot_be_read_stops_a_training_in_one_sentence():
    class Broken(OnDisk):
        def part(self, index, choose, shape):
            raise InputError(f"cannot read 'some/{index}.jpg' as an image: replace it.")

    recipe = replace(RECIPE, crop="area")
    with (
        pytest.raises(InputError, match=r"^cannot read 'some/\d+\.jpg' as an image: replace it\.$"),
        explain_errors(),
    ):
        list(training_batches(Split(Broken(), LABELS), 5, recipe))


@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_with_balanced_weights_every_class_counts_alike(mixup):
    labels = np.repeat([0, 1, 3], [30, 15, 5]).astype("int32")  # none of class 2
    recipe = replace(RECIPE, class_weight="balanced", mixup=mixup, epochs=1)
    split = Split(IMAGES, labels)
    batches = [*training_batches(split, 4, recipe).as_numpy_iterator()]
    _, wanted, weights = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    expected = np.array([50 / 90, 50 / 45, 0, 50 / 15])
    np.testing.assert_allclose(weights, wanted @ expected, rtol=1e-5)
    if not mixup:
        sums = [weights[wanted.argmax(-1) == label].sum() for label in (0, 1, 3)]
        np.testing.assert_allclose(sums, 50 / 3, rtol=1e-5)
    plain = replace(recipe, class_weight="none")
    others = [*training_batches(split, 4, plain).as_numpy_iterator()]
    np.testing.assert_array_equal(np.concatenate([y for _, y in others]), wanted)
