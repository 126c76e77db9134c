"""Photographs: the command's own defaults, and the contact sheet."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_resnet.utils.errors import InputError
from tests.train.trainer.survive import colours
from train import imagenet
from train.data.dataset import Data
from train.evaluation.data_card import augmented_batch
from train.evaluation.pictures import COLUMNS, GAP
from train.evaluation.preview import draw_preview
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
        top, left = number // COLUMNS * (96 + GAP), number % COLUMNS * (96 + GAP)
        shown = sheet[top : top + 96, left : left + 96, :3]
        np.testing.assert_array_equal(shown, image.repeat(times, 0).repeat(times, 1))
    assert not sheet[96 : 96 + GAP].any()  # transparent


def test_a_damaged_photograph_stops_a_training_cleanly_or_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("train.data.statistics.SAMPLE", 1)  # mean and std are not what meets it
    draw = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 2)):
        for name in ("cat", "dog"):
            for number in range(count):
                path = tmp_path / "photos" / split / name / f"{number}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw.integers(0, 256, (40, 50, 3)).astype("uint8")).save(path)
    damaged = tmp_path / "photos/train/dog/3.jpg"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    settings = {"dataset": str(tmp_path / "photos"), "model": "resnet8", "epochs": 1,
                "image_size": 32, "batch_size": 4, "validation_fraction": 0.0}  # fmt: skip
    with pytest.raises(InputError, match=r"train/dog/3\.jpg' as an image .*--skip_unreadable\.$"):
        imagenet.run(**settings, output_dir=str(tmp_path / "stopped"))
    stopped = json.loads((tmp_path / "stopped/run.json").read_text())
    assert stopped["status"] == "failed" and "dog/3.jpg" in stopped["reason"]
    record = imagenet.run(
        **settings, skip_unreadable=True, preview=True, output_dir=str(tmp_path / "run")
    )
    assert record["status"] == "finished"
    assert record["recipe"]["crop"] == "area" and record["recipe"]["optimizer"] == "muon"
    sheet = np.asarray(Image.open(tmp_path / "run/preview.png"))
    assert sheet.shape[:2] == (
        2 * (96 + GAP) - GAP,
        COLUMNS * (96 + GAP) - GAP,
    )  # of 15 images, before the training
