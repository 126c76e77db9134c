"""Folders of images, and image files, without TensorFlow."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_resnet import InputError
from train.data import folder, images
from train.settings.data import DataSettings

pytestmark = pytest.mark.unit


def load(root, size=32):
    return folder.load(Path(root), DataSettings(str(root)), size)


@pytest.fixture
def photos(tmp_path):
    """A folder of four training images and two test images of different sizes and kinds."""
    draw = np.random.default_rng(0)
    for name, size in {
        "train/cat/1.png": (9, 7),
        "train/cat/2.JPG": (40, 30),
        "train/dog/1.jpeg": (32, 32),
        "train/dog/2.png": (8, 8),
        "test/cat/1.png": (16, 16),
        "test/dog/1.png": (32, 32),
    }.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (*size, 3)).astype("uint8")).save(path)
    (tmp_path / "photos/train/cat/notes.txt").write_text("no image")
    return tmp_path / "photos"


def test_a_folder_of_photos(photos):
    data = load(photos, size=24)
    assert (data.name, data.classes) == ("photos", ("cat", "dog"))
    assert data.train.read().shape == (4, 24, 24, 3)
    assert data.train.labels.tolist() == [0, 0, 1, 1]
    assert data.test.labels.tolist() == [0, 1]
    same_size = np.asarray(Image.open(photos / "test/dog/1.png"))
    np.testing.assert_array_equal(load(photos, size=32).test.read()[1], same_size)


def test_a_folder_with_a_broken_image_names_it(photos):
    path = photos / "train/dog/2.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"cannot read .*dog/2\.png"):
        load(photos)


def test_a_folder_with_a_strange_test_class(photos):
    (photos / "test/cow").mkdir()
    with pytest.raises(InputError, match=r"has class 'cow', which .* lacks"):
        load(photos)


def test_a_folder_without_splits(tmp_path):
    with pytest.raises(InputError, match="must hold the folders train and test"):
        load(tmp_path)


def test_photos_are_turned_upright(tmp_path):
    image = Image.fromarray(np.arange(12, dtype="uint8").reshape(3, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned: rotate by 270 degrees
    image.save(tmp_path / "turned.png", exif=exif)
    upright = images.read_image(tmp_path / "turned.png", (4, 3, 1))
    np.testing.assert_array_equal(upright[..., 0], np.rot90(np.asarray(image), -1))


def test_sixteen_bits_of_grey_are_scaled_not_clipped(tmp_path):
    deep = np.array([[0, 257, 30_000, 65_535]], "uint16")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    grey = images.read_image(tmp_path / "deep.png", (1, 4, 1))
    assert grey.ravel().tolist() == [0, 1, 116, 255]


def test_transparent_parts_are_black(tmp_path):
    pixels = np.array([[[200, 100, 50, 255], [200, 100, 50, 0]]], "uint8")
    Image.fromarray(pixels, "RGBA").save(tmp_path / "glass.png")
    image = images.read_image(tmp_path / "glass.png", (1, 2, 3))
    assert image.tolist() == [[[200, 100, 50], [0, 0, 0]]]


def test_a_class_without_images_is_named(photos):
    (photos / "train/empty").mkdir()
    with pytest.raises(InputError, match=r"train/empty has no \.png or \.jpg images"):
        load(photos)


def test_a_missing_image(tmp_path):
    with pytest.raises(InputError, match=r"no image .*gone\.png"):
        images.read_image(tmp_path / "gone.png", (4, 4, 3))


def test_images_that_do_not_fit_in_memory():
    with pytest.raises(InputError, match="choose a smaller --image_size"):
        images.check_memory("photos", 10**6, (4000, 4000, 3))


def test_what_is_used_and_what_is_not_is_said(photos, capsys):
    load(photos)
    assert capsys.readouterr().out == "photos: 6 images; left out: 1 '.txt' files\n"
    cat = photos / "train/cat"
    (cat / "notes.txt").unlink()
    (cat / "more").mkdir()
    for name in (".DS_Store", "._1.png", "a.webp", "b.webp", "README"):
        (cat / name).write_text("no image")
    (photos / "test/stray.png").write_text("no image")
    (photos / "validation").mkdir()
    os.mkfifo(cat / "3.png")
    (cat / "4.png").symlink_to("gone")
    assert len(load(photos).train) == 4
    assert capsys.readouterr().out == (
        "photos: 6 images; left out: 2 names that begin with a dot, 2 neither files nor folders, "
        "2 '.webp' files, 1 files without suffix, 1 folders within a class, "
        "1 images outside of a class, 1 folders beside train and test\n"
    )


def test_a_class_without_test_images_is_said(photos, capsys):
    (photos / "test/dog/1.png").unlink()
    assert load(photos).test.labels.tolist() == [0]
    assert "photos/test has no images of dog: no score tells of them." in capsys.readouterr().out
    (photos / "test/dog").rmdir()
    load(photos)
    assert "photos/test has no images of dog" in capsys.readouterr().out


@pytest.mark.parametrize("name", [b"a\nb", b"a\n", b"caf\xe9", "a\u2028b".encode(), b" "])
def test_names_that_cannot_be_delivered_are_refused_before_training(photos, name):
    for split in ("train", "test"):
        (photos / split / "dog").rename(photos / split / os.fsdecode(name))
    with pytest.raises(InputError, match=r"cannot be the name of a class .* in UTF-8"):
        load(photos)


def test_a_folder_that_cannot_be_read_is_named():
    """By a user who is not allowed to, which root always is."""
    if root := os.geteuid() == 0:
        os.seteuid(65534)
    try:
        with tempfile.TemporaryDirectory() as place:
            for name in ("train/cat", "train/dog", "test"):
                Path(place, name).mkdir(parents=True)
            Path(place, "train/dog").chmod(0)
            with pytest.raises(
                InputError, match=r"cannot read the folder .*dog' \(Permission denied"
            ):
                load(place)
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("format", ["EPS", "TIFF", "GIF", "BMP", "WEBP", "PPM"])
def test_only_png_and_jpeg_are_decoded_whatever_the_name_says(photos, format):
    Image.new("RGB", (8, 8)).save(photos / "train/cat/1.png", format)
    with pytest.raises(InputError, match=r"cat/1\.png' as an image \(it is neither PNG nor JPEG\)"):
        load(photos)


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png is a pipe or a device, not a file"):
        images.read_image(tmp_path / "a.png", (4, 4, 3))
    with pytest.raises(InputError, match="is a folder, not a file"):
        images.read_image(tmp_path, (4, 4, 3))


def test_images_to_calibrate_with_are_those_of_a_folder_and_its_folders(photos, capsys):
    (photos / "loop").symlink_to(photos)
    (photos / "train/._1.png").touch()
    assert images.read_folder(photos, (4, 4, 3), most=100).shape == (6, 4, 4, 3)
    said = capsys.readouterr().out
    assert ": 6 images; left out: " in said
    for kind in ("1 '.txt' files", "1 links to folders", "1 names that begin with a dot"):
        assert kind in said
    assert len(images.read_folder(photos, (4, 4, 3), most=2)) == 2
    with pytest.raises(InputError, match="GiB of memory"):
        images.read_folder(photos, (10**6, 10**6, 3), most=2)


@pytest.mark.parametrize(
    ("group", "file", "place"),
    [
        ("0::/a/b", "memory.max", ""),
        ("0::/a/b", "memory.max", "a"),
        ("0::/elsewhere", "memory.max", ""),
        ("3:cpuset:/\n4:memory:/a", "memory.limit_in_bytes", "memory"),
    ],
)
def test_the_limit_of_a_container_is_found(tmp_path, group, file, place):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"{group}\n")
    assert [*images.container_limits(tmp_path)] == []
    inner = tmp_path / "sys/fs/cgroup/a/b"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (tmp_path / "sys/fs/cgroup" / place).mkdir(exist_ok=True)
    (tmp_path / "sys/fs/cgroup" / place / file).write_text("2147483648\n")
    assert [*images.container_limits(tmp_path)] == [2**31]


def test_the_memory_of_this_machine_is_known():
    assert 2**28 < images.memory() < 2**48
