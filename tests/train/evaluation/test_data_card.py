"""What is said of images before a network sees them."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from train.data.dataset import Data, Split
from train.data.statistics import fill_color
from train.evaluation.data_card import BATCH, augmented_batch, counts, duplicates
from train.evaluation.pictures import COLUMNS, GAP, contact_sheet, thumbnail
from train.settings.recipes import FAST

pytestmark = pytest.mark.unit


@pytest.fixture
def data():
    images = np.random.default_rng(0).integers(0, 256, (60, 6, 6, 3)).astype(np.uint8)
    labels = np.arange(60, dtype=np.int32) % 3
    train, test = Split(images[:50], labels[:50]), Split(images[50:], labels[50:])
    return Data("x", ("a", "b", "c"), train, test)


def test_images_are_counted_by_class_and_split(data):
    table = counts(data, 0.2)
    assert list(table) == ["training", "held out", "test"]
    assert [sum(column) for column in table.values()] == [40, 10, 10]
    assert table["training"] == (np.bincount(data.train.labels) - table["held out"]).tolist()
    assert list(counts(data, 0.0)) == ["training", "test"]


def test_duplicates_are_found_within_and_across_splits_with_their_labels(data):
    assert duplicates(data) == []
    data.train.images.array[7] = data.train.images.array[1]  # of the same class
    data.test.images.array[2] = data.train.images.array[6]  # of another one
    data.test.images.array[9] = data.test.images.array[4]
    found = [(pair.splits, pair.places, pair.contradicts) for pair in duplicates(data)]
    assert found == [
        (("training", "training"), (1, 7), False),
        (("training", "test"), (6, 2), True),
        (("test", "test"), (4, 9), True),
    ]


def test_the_batch_is_that_of_the_first_epoch(data):
    recipe = replace(FAST, flip="none", crop_padding=0, mixup=0.0, validation_fraction=0.0)
    shown = augmented_batch(data, recipe)
    assert shown.shape == (BATCH, 6, 6, 3)
    known = {image.tobytes() for image in data.train.read()}
    assert {image.tobytes() for image in shown} <= known
    padded = augmented_batch(data, replace(recipe, crop_padding=6))
    assert (padded == fill_color(data.train)).all(-1).mean() > 0.1


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_small_png_files(channels):
    import base64
    import io

    images = np.random.default_rng(0).integers(0, 256, (9, 90, 40, channels)).astype(np.uint8)

    def size(source):
        assert source.startswith("data:image/png;base64,")
        return Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).size

    assert size(thumbnail(images[0])) == (28, 64)
    assert size(thumbnail(images[0, :32, :32])) == (32, 32)
    small = images[:, :8, :8]
    assert size(contact_sheet(small)) == (COLUMNS * (8 + GAP) - GAP, 2 * (8 + GAP) - GAP)
