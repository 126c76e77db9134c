from dataclasses import replace

import numpy as np
import pytest

from keras_resnet import InputError
from train.data import Data, Split, hold_out, statistics

DRAW = np.random.default_rng(0)
SPLIT = Split(
    DRAW.integers(0, 256, (60, 4, 4, 3)).astype("uint8"), np.arange(60, dtype="int32") % 3
)


def test_holding_out_keeps_classes_even_and_repeats():
    rest, held = hold_out(SPLIT, 0.2)
    assert np.bincount(held.labels).tolist() == [4, 4, 4]
    assert len(rest.labels) == 48
    together = np.concatenate([rest.images, held.images])
    assert sorted(map(bytes, together)) == sorted(map(bytes, SPLIT.images))
    for part, again in zip(
        (*rest, *held), (*hold_out(SPLIT, 0.2)[0], *hold_out(SPLIT, 0.2)[1]), strict=True
    ):
        np.testing.assert_array_equal(part, again)


def test_nothing_is_held_out_at_zero():
    rest, held = hold_out(SPLIT, 0.0)
    assert (len(rest.labels), len(held.labels)) == (60, 0)


def test_images_keep_their_labels():
    marked = Split(
        np.arange(60, dtype="uint8").reshape(60, 1, 1, 1), np.arange(60, dtype="int32") % 3
    )
    for part in hold_out(marked, 0.3):
        np.testing.assert_array_equal(part.images.ravel() % 3, part.labels)


def test_statistics_are_those_of_numpy():
    mean, deviation = statistics(SPLIT.images)
    np.testing.assert_allclose(mean, SPLIT.images.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(deviation, SPLIT.images.std((0, 1, 2)), rtol=1e-12)


def test_a_channel_that_never_varies_is_not_divided_by_zero():
    assert statistics(np.full((2, 4, 4, 1), 7, "uint8")) == ([7.0], [1.0])


DATA = Data("small", ("a", "b", "c"), SPLIT, SPLIT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"classes": ("a", "b")},
            "training images with label 2; with 2 classes, labels go from 0 to 1",
        ),
        ({"test": Split(SPLIT.images, SPLIT.labels - 1)}, "test images with label -1"),
        ({"test": Split(SPLIT.images[:0], SPLIT.labels[:0])}, "small has no test images"),
    ],
)
def test_impossible_data_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(DATA, **change)


def test_the_fingerprint_sees_every_change():
    images = SPLIT.images.copy()
    images[-1, -1, -1, -1] ^= 1
    changes = [
        {},
        {"classes": ("a", "b", "d")},
        {"test": Split(images, SPLIT.labels)},
        {"train": Split(SPLIT.images, SPLIT.labels[::-1])},
    ]
    prints = [replace(DATA, **change).fingerprint() for change in changes]
    assert len(set(prints)) == len(changes)
    assert prints[0] == DATA.fingerprint()
