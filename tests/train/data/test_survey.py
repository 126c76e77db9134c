"""What a folder is said to be like, and that adding photographs moves none between splits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_resnet.utils.errors import InputError
from train.data import folder
from train.data.dataset import by_content
from train.data.survey import check, survey, text
from train.settings.data import DataSettings

pytestmark = pytest.mark.unit


def photo(path, seed, mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 9, 3)).astype("uint8")
    Image.fromarray(pixels).convert(mode).save(path, **options)


def load(root):
    return folder.load(Path(root), DataSettings(str(root)), 8)


def test_what_stands_out_is_said(tmp_path):
    root = tmp_path / "pets"
    for number in range(12):
        photo(root / f"train/cat/{number}.png", number)
    sideways = Image.Exif()
    sideways[0x0112] = 6
    photo(root / "train/dog/1.jpg", 20, exif=sideways)
    photo(root / "train/dog/2.png", 21, "L")
    photo(root / "val/cat/1.png", 0)  # also a training image
    photo(root / "test/cat/1.png", 31)
    photo(root / "test/dog/1.png", 1)  # a training image of the other class
    data = load(root)
    found = survey(data, 0.5)
    assert data.classes == ("cat", "dog")
    assert found.counts == {"training": [12, 2], "validation": [1, 0], "test": [1, 1]}
    assert found.sizes == {"smallest": [6, 6], "median": [9, 6], "largest": [9, 9]}
    assert (found.turned, found.grey, found.shared, found.contradictory) == (1, 1, 2, 1)
    assert text(found, data).splitlines() == [
        "class  training  validation  test",
        "cat          12           1     1",
        "dog           2           0     1",
        "all          14           1     2",
        "sizes 6x6 to 9x9, half of them up to 9x6; 1 turned by EXIF, 1 grey, of 17",
        "2 images are in several splits: scores are too good by them",
        "1 images are in several classes: remove some",
        "fewer than 10 images: dog: add some, or expect little",
        "no validation images: dog: no score tells of them",
    ]


def test_a_png_is_turned_whose_exif_data_come_last(tmp_path):
    sideways = Image.Exif()
    sideways[0x0112] = 6
    for name in ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"):
        photo(tmp_path / name, len(name) * 7 + ord(name[-7]), exif=sideways)
    file = tmp_path / "train/cat/1.png"
    content = file.read_bytes()
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4])
    last = content.index(b"IEND") - 4
    file.write_bytes(content[:start] + content[end:last] + content[start:end] + content[last:])
    assert survey(load(tmp_path), 0).turned == 4


def test_some_images_are_needed_to_choose_by(tmp_path):
    root = tmp_path / "pets"
    for number in range(6):
        photo(root / f"train/cat/{number}.png", number)
    photo(root / "train/dog/1.png", 20)
    photo(root / "test/cat/1.png", 31)
    photo(root / "test/dog/1.png", 32)
    data = load(root)
    found = survey(data, 0.5)
    check(found, data)
    with pytest.raises(InputError, match=r"too few images to hold some out.*--validation_fraction"):
        check(survey(data, 0), data)


def test_adding_photographs_moves_none(tmp_path):
    def sides():
        images, held_out = load(root).hold_out(0.2)
        splits = {"training": images, "validation": held_out, "test": load(root).test}
        found = {}
        for name, split in splits.items():
            for digest in split.digests:
                assert found.setdefault(digest.tobytes(), name) == name  # copies are together
        return found

    root = tmp_path / "flat"
    for number in range(60):
        photo(root / f"{'ab'[number % 2]}/{number}.png", number)
    before = sides()
    assert set(before.values()) == {"training", "validation", "test"}
    for number in range(60, 80):
        photo(root / f"{'ab'[number % 2]}/{number}.png", number)
        photo(root / f"{'ab'[number % 2]}/copy of {number}.png", number)
    after = sides()
    assert len(after) == 80
    assert {digest: after[digest] for digest in before} == before


def test_a_class_of_two_has_one_image_on_each_side():
    digests = np.array([9, 5, 2**63, 2**64 - 1], np.uint64)
    assert by_content(digests, np.array([0, 0, 1, 1]), 0.2).tolist() == [False, True, True, False]
