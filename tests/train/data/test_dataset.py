from dataclasses import replace

import numpy as np
import pytest

from keras_resnet import InputError
from train.data.dataset import Data, Split, hold_out
from train.data.statistics import statistics

pytestmark = pytest.mark.unit
DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 256, (60, 4, 4, 3)).astype("uint8")
LABELS = np.arange(60, dtype="int32") % 3
SPLIT = Split(IMAGES, LABELS)


def test_holding_out_keeps_classes_even_and_repeats():
    rest, held = hold_out(SPLIT, 0.2)
    assert np.bincount(held.labels).tolist() == [4, 4, 4]
    assert len(rest.labels) == 48
    together = np.concatenate([rest.read(), held.read()])
    assert sorted(map(bytes, together)) == sorted(map(bytes, IMAGES))
    for part, again in zip((rest, held), hold_out(SPLIT, 0.2), strict=True):
        np.testing.assert_array_equal(part.read(), again.read())
        np.testing.assert_array_equal(part.labels, again.labels)


def test_nothing_is_held_out_at_zero():
    rest, held = hold_out(SPLIT, 0.0)
    assert (len(rest.labels), len(held.labels)) == (60, 0)


def test_images_keep_their_labels():
    marked = Split(
        np.arange(60, dtype="uint8").reshape(60, 1, 1, 1), np.arange(60, dtype="int32") % 3
    )
    for part in hold_out(marked, 0.3):
        np.testing.assert_array_equal(part.read().ravel() % 3, part.labels)


def test_statistics_are_those_of_numpy():
    mean, deviation = statistics(SPLIT)
    np.testing.assert_allclose(mean, IMAGES.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(deviation, IMAGES.std((0, 1, 2)), rtol=1e-12)


def test_a_channel_that_never_varies_is_not_divided_by_zero():
    assert statistics(Split(np.full((2, 4, 4, 1), 7, "uint8"), LABELS[:2])) == ([7.0], [1.0])


DATA = Data("small", ("a", "b", "c"), SPLIT, SPLIT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"classes": ("a", "b")},
            "training images with label 2; with 2 classes, labels go from 0 to 1",
        ),
        ({"test": Split(IMAGES, LABELS - 1)}, "test images with label -1"),
        ({"test": Split(IMAGES[:0], LABELS[:0])}, "small has no test images"),
    ],
)
def test_impossible_data_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(DATA, **change)


def test_the_fingerprint_sees_every_change():
    images = IMAGES.copy()
    images[-1, -1, -1, -1] ^= 1
    changes = [
        {},
        {"classes": ("a", "b", "d")},
        {"test": Split(images, LABELS)},
        {"train": Split(IMAGES, LABELS[::-1].copy())},
    ]
    prints = [replace(DATA, **change).fingerprint for change in changes]
    assert len(set(prints)) == len(changes)
    assert prints[0] == DATA.fingerprint


def test_pixels_are_read_for_one_fingerprint_only():
    data = replace(DATA)
    assert data.record()["sha256"] is data.fingerprint


def test_no_image_is_copied_to_be_divided():
    rest, held = hold_out(SPLIT, 0.2)
    assert SPLIT.read() is IMAGES
    assert rest.images.array is held.images.array is IMAGES


def test_a_subset_of_a_subset_is_read_by_its_own_places():
    some = SPLIT.subset(np.arange(10, 50)).subset(np.array([3, 1]))
    np.testing.assert_array_equal(some.read(), IMAGES[[13, 11]])
    np.testing.assert_array_equal(some.read(np.array([1])), IMAGES[[11]])
    assert some.labels.tolist() == LABELS[[13, 11]].tolist()
    np.testing.assert_array_equal(np.concatenate(list(some.chunks())), IMAGES[[13, 11]])


def test_all_images_in_another_order_are_read_in_it():
    turned = SPLIT.subset(np.arange(60)[::-1])
    np.testing.assert_array_equal(turned.read(), IMAGES[::-1])
    np.testing.assert_array_equal(turned.labels, LABELS[::-1])


def test_the_fingerprint_of_a_subset_is_that_of_its_copy():
    part = SPLIT.subset(np.arange(7, 37))
    copy = Split(IMAGES[7:37].copy(), LABELS[7:37].copy())
    assert replace(DATA, train=part).fingerprint == replace(DATA, train=copy).fingerprint
