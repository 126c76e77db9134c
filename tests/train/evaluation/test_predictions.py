"""A pass over images keeps little, and goes on after a kill."""

import subprocess
import sys
import time

import numpy as np
import pytest

from keras_resnet import InputError
from train.data.dataset import Data, Split
from train.evaluation.calibration import SHARE, Choices, held_out
from train.evaluation.predictions import predict

pytestmark = pytest.mark.unit
CHOICES = Choices(2.0, [], 0, False)
COUNT = 60


def split():
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (COUNT, 4, 4, 1), np.uint8)
    return Split(images, draw.integers(0, 6, COUNT).astype(np.int32))


def columns(some):
    """Probabilities that depend on the pixels, and another column."""
    images = some.read()
    numbers = images.reshape(len(images), -1)[:, :6].astype(float) + 1
    probabilities = numbers / numbers.sum(-1, keepdims=True)
    return {"one": probabilities, "other": probabilities[:, ::-1]}


def test_every_image_has_its_row(tmp_path):
    images = split()
    found = predict(columns, images, CHOICES, tmp_path / "x.safetensors", "key", chunk=7)
    probabilities = columns(images)["one"]
    np.testing.assert_array_equal(found.labels, images.labels)
    np.testing.assert_array_equal(found.predicted, probabilities.argmax(-1))
    np.testing.assert_array_equal(found.columns["other"], probabilities[:, ::-1].argmax(-1))
    np.testing.assert_allclose(found.confidences, probabilities.max(-1), rtol=1e-6)
    np.testing.assert_allclose(
        found.losses, -np.log(probabilities[np.arange(COUNT), images.labels]), rtol=1e-6
    )
    softer = np.sqrt(probabilities) / np.sqrt(probabilities).sum(-1, keepdims=True)
    np.testing.assert_allclose(found.tempered, softer.max(-1), rtol=1e-6)
    ranks = (probabilities > probabilities[np.arange(COUNT), images.labels][:, None]).sum(-1)
    np.testing.assert_array_equal(found.in_top5, ranks < 5)


KILLED = """
import sys, time
from pathlib import Path
from tests.train.evaluation import test_predictions as tests

def slowly(images, calls=[]):
    calls.append(1)
    time.sleep(600 if len(calls) > 3 else 0)  # by now a part is saved
    return tests.columns(images)

tests.predict(slowly, tests.split(), tests.CHOICES, Path(sys.argv[1]), "key", 5, 0.0)
"""


def test_a_pass_that_was_killed_goes_on_and_finds_the_same(tmp_path, capsys):
    path = tmp_path / "x.safetensors"
    process = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    seen = 0

    def counted(images):
        nonlocal seen
        seen += len(images)
        return columns(images)

    found = predict(counted, split(), CHOICES, path, "key")
    assert 0 < seen < COUNT
    assert f"going on after {COUNT - seen} of {COUNT} images" in capsys.readouterr().out
    whole = predict(columns, split(), CHOICES, tmp_path / "whole.safetensors", "key")
    for name in ("labels", "confidences", "tempered", "losses", "in_top5"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    assert list(found.columns) == ["one", "other"]
    np.testing.assert_array_equal(found.predicted, whole.predicted)


def test_rows_of_another_pass_or_damaged_ones_are_not_used(tmp_path, capsys):
    path = tmp_path / "x.safetensors"
    predict(lambda images: {"one": columns(images)["other"]}, split(), CHOICES, path, "another")
    predicted = columns(split())["one"].argmax(-1)
    assert (predict(columns, split(), CHOICES, path, "key").predicted == predicted).all()
    path.write_bytes(b"no such file")
    assert (predict(columns, split(), CHOICES, path, "key").predicted == predicted).all()
    assert "is damaged" in capsys.readouterr().out


def test_time_left_is_told(tmp_path, capsys):
    predict(columns, split(), CHOICES, tmp_path / "x.safetensors", "key", 20, save_seconds=0.0)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["20 of 60 images", "40 of 60 images"]
    assert all(line.endswith(" s left") for line in lines)


def test_probabilities_that_are_not_finite_are_refused(tmp_path):
    def broken(images):
        return {"one": np.full((len(images), 6), np.nan)}

    with pytest.raises(InputError, match="not finite: train or export again"):
        predict(broken, split(), CHOICES, tmp_path / "x.safetensors", "key")
    assert not (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize(
    ("fractions", "share", "seen"),
    [
        ([0.2], 0.2, False),
        ([0.2, 0.2, None], 0.2, False),
        ([None], SHARE, False),
        ([0.0], SHARE, True),
        ([0.2, 0.0], SHARE, True),
        ([0.2, 0.3], SHARE, True),
    ],
)
def test_what_chooses_is_training_images_that_all_networks_held_out(fractions, share, seen):
    data = Data("x", tuple("abcdef"), split(), split())
    images, were_seen = held_out(data, fractions)
    assert (len(images), were_seen) == (round(share * COUNT), seen)


@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_a_folders_own_validation_images_were_never_trained_on(fraction):
    own = split().subset(np.arange(7))
    data = Data("x", tuple("abcdef"), split(), split(), validation=own)
    images, seen = held_out(data, [fraction])
    assert (len(images), seen) == (7, False)


def test_where_too_few_are_held_out_the_network_has_seen_what_chooses():
    data = Data("x", tuple("abcdef"), split(), split())
    images, seen = held_out(data, [0.001])
    assert (len(images), seen) == (COUNT, True)
