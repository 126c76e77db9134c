"""Folders of images, and image files, without TensorFlow."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from keras_resnet import InputError
from keras_resnet.utils.framing import Framing
from train.data import folder, images, inventory, listing, memory
from train.data.statistics import statistics
from train.evaluation import views
from train.settings.data import DataSettings

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """What is known of files is kept here."""
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    return place


def load(root, size=32, **settings):
    return folder.load(Path(root), DataSettings(str(root), **settings), size)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


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
    assert not data.train.in_memory
    assert (data.name, data.classes) == ("photos", ("cat", "dog"))
    assert data.train.read().shape == (4, 24, 24, 3)
    assert data.train.labels.tolist() == [0, 0, 1, 1]
    assert data.test.labels.tolist() == [0, 1]
    same_size = np.asarray(Image.open(photos / "test/dog/1.png"))
    np.testing.assert_array_equal(load(photos, size=32).test.read()[1], same_size)


def test_small_images_are_kept_in_memory_and_stay_the_same_data(photos, monkeypatch):
    monkeypatch.setattr("train.data.statistics.SAMPLE", 2)  # of more, some stand for all
    files = load(photos, size=24)
    data = memory.keep_small(files)
    assert data.train.in_memory and data.test.in_memory
    assert data.train.images is data.test.images  # which is one source, read once
    assert (data.fingerprint, data.record()) == (files.fingerprint, files.record())
    assert statistics(data.train) == statistics(files.train)
    for one, other in ((data.train, files.train), (data.test, files.test)):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.read(), other.read())
        np.testing.assert_array_equal(one.read(scale=1.5), other.read(scale=1.5))  # in more detail
        np.testing.assert_array_equal(one.digests, other.digests)
    monkeypatch.setattr(memory, "memory", lambda: 4 * 5 * 6 * 24 * 24 * 3 - 1)
    assert memory.keep_small(files) is files
    monkeypatch.setattr(memory, "memory", lambda: 4 * 5 * 6 * 24 * 24 * 3)
    assert memory.keep_small(files).train.in_memory


def test_damaged_images_that_are_left_out_are_not_read_into_memory(photos):
    path = photos / "train/cat/2.JPG"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"cannot read .*cat/2\.JPG.*--skip_unreadable\.$"):
        memory.keep_small(load(photos))
    files = load(photos, skip_unreadable=True)
    kept = memory.keep_small(files).train.read()
    np.testing.assert_array_equal(kept, files.train.read())


def test_a_folder_with_a_broken_image_names_it(photos):
    path = photos / "train/dog/2.png"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match=r"cannot read .*dog/2\.png.* --skip_unreadable leaves"):
        load(photos)


def test_a_folder_with_a_strange_test_class(photos):
    (photos / "test/cow").mkdir()
    with pytest.raises(InputError, match=r"has class 'cow', which .* lacks: add it"):
        load(photos)


def test_a_damaged_image_is_named_when_it_is_read_or_left_out_before(photos, capsys):
    """Its header is sound, so that only decoding it tells."""
    path = photos / "train/cat/2.JPG"
    path.write_bytes(path.read_bytes()[:-200])
    data = load(photos)
    with pytest.raises(InputError, match=r"cannot read .*cat/2\.JPG.*--skip_unreadable\.$"):
        data.train.read()
    capsys.readouterr()
    rest = load(photos, skip_unreadable=True)
    said = capsys.readouterr().out
    assert "left out: cannot read" in said
    assert "photos: 5 images; left out: 1 unreadable files, 1 '.txt' files" in said
    assert rest.train.read().shape == (3, 32, 32, 3)
    assert rest.train.labels.tolist() == [0, 1, 1]
    assert rest.fingerprint != data.fingerprint


def test_a_folder_without_splits_is_split_by_content(tmp_path):
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        for number in range(60):
            pixels = draw.integers(0, 256, (4, 4, 3)).astype("uint8")
            save(tmp_path / "photos" / name / f"{number}.png", pixels)
    few = load(tmp_path / "photos", size=4)
    counts = np.bincount(few.test.labels)
    assert (counts > 3).all() and (counts < 24).all()
    assert len(few.train) + len(few.test) == 120
    testing, training = ({*map(bytes, part.read())} for part in (few.test, few.train))
    for number in range(60, 90):
        pixels = draw.integers(0, 256, (4, 4, 3)).astype("uint8")
        save(tmp_path / "photos/cat" / f"{number % 7}/{number}.png", pixels)  # between the others
    (tmp_path / "photos/dog/3.png").rename(tmp_path / "photos/dog/renamed.png")
    more = load(tmp_path / "photos", size=4)
    assert testing < {*map(bytes, more.test.read())}
    assert training < {*map(bytes, more.train.read())}


@pytest.mark.parametrize("test", ["val", "Validation", "valid"])
def test_folders_of_splits_have_many_names(photos, test, capsys):
    (photos / "test").rename(photos / test)
    (photos / "train").rename(photos / "Train")
    data = load(photos)
    assert (len(data.train), len(data.test)) == (4, 2)
    (photos / "Train").rename(photos / "other")
    with pytest.raises(InputError, match=f"a folder '{test}' and none to train with"):
        load(photos)


def test_what_is_no_folder_of_classes_says_what_one_is(tmp_path):
    with pytest.raises(
        InputError, match=r"has no folder of a class: it needs .*/train/CLASS/\*\.jpg or"
    ):
        load(tmp_path)
    (tmp_path / "all/cat").mkdir(parents=True)
    (tmp_path / "all/dog").mkdir()
    with pytest.raises(InputError, match=r"only the class 'all', with 2 folders in it \(are they"):
        load(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        load(tmp_path / "gone")


def test_one_image_of_each_class_is_too_few(tmp_path):
    for name in ("cat", "dog"):
        save(tmp_path / "photos" / name / "1.png", np.full((4, 4, 3), len(name), "uint8"))
    with pytest.raises(
        InputError, match="photos has one image of each class, and needs others to test with"
    ):
        load(tmp_path / "photos")


KINDS = {
    "BMP": ["1", "L", "P", "RGB"],
    "GIF": ["L", "P"],
    "JPEG": ["L", "RGB", "CMYK"],
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"],
    "WEBP": ["RGB", "RGBA"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_every_kind_are_read(kind, tmp_path):
    """What an image shows survives its kind, as far as that has colors."""
    ramp = np.linspace(0, 255, 64).astype("uint8").reshape(8, 8)
    colors = Image.fromarray(np.stack([ramp, ramp[::-1], ramp.T], -1))
    for mode in KINDS[kind]:
        image = colors.convert("L" if mode == "I;16" else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype("uint16") * 257)
        path = tmp_path / f"{mode.replace(';', '')}.{kind.lower()}"
        more = {"lossless": True} if kind == "WEBP" else {}
        image.save(path, kind, **more)
        few = {"1": image, "P": image}.get(mode, colors.convert("L" if "L" in mode else "RGB"))
        few = colors.convert("L") if mode == "I;16" else few
        seen = images.read_image(path, (8, 8, 3)).astype(int)
        loss = 30 if kind == "JPEG" else 2
        assert abs(seen - np.asarray(few.convert("RGB"))).max() <= loss, mode


def test_a_thin_image_is_read_that_a_jpeg_decoder_could_make_smaller(tmp_path):
    """Its side of 6 pixels has no eighth."""
    Image.new("CMYK", (6, 40), (0, 255, 255, 0)).save(tmp_path / "thin.jpg")
    images.check((tmp_path / "thin.jpg").read_bytes(), "thin.jpg", pixels=True)
    assert images.read_image(tmp_path / "thin.jpg", (2, 2, 3)).shape == (2, 2, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_seen(kind, tmp_path):
    first, then = (Image.new("RGB", (4, 4), color) for color in ((200, 0, 0), (0, 0, 200)))
    first.save(tmp_path / "moves", kind, save_all=True, append_images=[then])
    seen = images.read_image(tmp_path / "moves", (4, 4, 3))
    assert abs(seen.astype(int) - [200, 0, 0]).max() < 8


def test_numbers_that_are_no_colors_are_refused_by_name(tmp_path):
    for kind in ("float32", "int32"):
        Image.fromarray(np.zeros((4, 4), kind)).save(tmp_path / f"{kind}.tif")
        with pytest.raises(InputError, match=rf"{kind}\.tif' as an image \(its pixels are numbers"):
            images.read_image(tmp_path / f"{kind}.tif", (4, 4, 3))


def test_numbers_that_are_no_colors_are_found_before_a_training(photos, capsys):
    Image.fromarray(np.zeros((4, 4), "float32")).save(photos / "train/cat/3.tif")
    with pytest.raises(
        InputError, match=r"3\.tif' as an image \(its pixels are numbers of 32 bits"
    ):
        load(photos)
    assert len(load(photos, skip_unreadable=True).train) == 4
    assert "left out: 1 unreadable files" in capsys.readouterr().out


def test_what_scores_are_made_with_is_decoded_before_a_training(photos):
    path = photos / "test/dog/1.jpg"
    save(path, np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype("uint8"))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"test/dog/1\.jpg.*--skip_unreadable"):
        load(photos)
    for name in ("cat", "dog"):  # the same without a split, wherever its checksum puts it
        for number in range(9):
            pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3)).astype("uint8")
            save(photos.parent / "flat" / name / f"{number}.jpg", pixels)
    flat = load(photos.parent / "flat", 4)
    tested = flat.test.images.files.name(int(flat.test.rows[0]))
    whole = Path(tested).read_bytes()
    for number in range(99):  # until the damaged file is a test image, too
        Path(tested).write_bytes(whole[:-200] + bytes([number]))
        try:
            damaged = load(photos.parent / "flat", 4)
        except InputError as error:
            assert tested in str(error)
            break
        with pytest.raises(InputError):
            damaged.train.read()
    else:
        pytest.fail("no damaged file is a test image")


def test_classes_that_have_nothing_to_learn_from_are_named(photos):
    for path in (photos / "train/dog").iterdir():
        path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="photos has no training images of dog: add some"):
        load(photos, skip_unreadable=True)


def test_the_only_image_of_a_class_is_learned_from(tmp_path):
    draw = np.random.default_rng(0)
    for number in range(40):
        for copy in range(1 if number else 2):
            pixels = draw.integers(0, 256, (4, 4, 3)).astype("uint8")
            save(tmp_path / "photos" / f"class{number}" / f"{copy}.png", pixels)
    data = load(tmp_path / "photos", 4)
    assert sorted({*data.train.labels.tolist()}) == [*range(40)]
    assert len(data.test) == 1


def test_test_images_without_labels_are_passed_over(photos, capsys):
    """Competitions have them, in one folder."""
    (photos / "test").rename(photos / "val")
    save(photos / "test/1.jpg", np.zeros((4, 4, 3), "uint8"))
    assert len(load(photos).test) == 2
    assert "1 folders beside train and val" in capsys.readouterr().out
    (photos / "val").rename(photos.parent / "away")
    assert len(load(photos).test) == 2  # of the training images
    assert "1 folders beside train\n" in capsys.readouterr().out.replace(", 1 '.txt' files", "")


def test_a_class_that_is_called_like_a_split_is_not_guessed_at(tmp_path):
    for name in ("valid", "invalid"):
        save(tmp_path / name / "1.png", np.zeros((4, 4, 3), "uint8"))
    with pytest.raises(InputError, match=r"'valid' and none to train with: .* if it is a class"):
        load(tmp_path)


@pytest.mark.parametrize("quality", [30, 95])
def test_a_jpeg_has_the_pixels_that_pillow_makes_of_it(quality, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype("uint8")
    image = Image.fromarray(pixels).resize((50, 61))
    for options in ({}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}):
        image.save(tmp_path / "1.jpg", quality=quality, **options)
        expected = np.asarray(Image.open(tmp_path / "1.jpg"))
        np.testing.assert_array_equal(images.read_image(tmp_path / "1.jpg", (61, 50, 3)), expected)


@pytest.mark.parametrize(
    ("resize", "ratio", "rows", "columns"),
    [
        ("crop", 1.0, (0, 30), (15, 45)),
        ("crop", 0.5, (7, 22), (22, 37)),
        ("pad", 1.0, (-15, 45), (0, 60)),
        ("stretch", 1.0, (0, 30), (0, 60)),
    ],
)
def test_proportions_are_kept_unless_asked_otherwise(resize, ratio, rows, columns, tmp_path):
    """In an image whose colors say where they are: red the column, green the row."""
    y, x = np.mgrid[0:30, 0:60].astype("uint8") * 4
    save(tmp_path / "1.png", np.stack([x, y, np.full_like(x, 99)], -1))
    framing = Framing(resize=resize, crop_ratio=ratio)
    seen = images.read_image(tmp_path / "1.png", (20, 20, 3), framing).astype(float)
    inside = seen[..., 2] == 99
    assert inside.mean() == (0.5 if resize == "pad" else 1.0)
    places = (np.arange(0.5, 20) / 20)[2:-2]  # but for the edges
    for (first, last), lines, at in ((rows, seen[:, 10], 1), (columns, seen[10], 0)):
        shown = lines[2:-2, 2] == 99
        expected = 4 * (first + places * (last - first) - 0.5)
        np.testing.assert_allclose(lines[2:-2, at][shown], expected[shown], atol=1.5)


def test_a_larger_look_at_a_photograph_has_more_detail_and_shows_more_if_there_is_more(tmp_path):
    pixels = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64, 1).repeat(3, 2)
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            save(tmp_path / split / name / "1.png", pixels)
    photo = load(tmp_path, 28, crop_ratio=0.875).test.subset(np.arange(1))
    np.testing.assert_array_equal(photo.read(scale=2), pixels[None, 4:60, 4:60])  # 7/8 of it
    whole = load(tmp_path, 32).test.read()[:1]
    np.testing.assert_array_equal(photo.read(scale=8 / 7, wider=True), whole)
    crop = views.MOVES["bottom_right"](photo, 2)
    np.testing.assert_array_equal(crop, pixels[None, 8:, 8:])


def test_a_training_of_many_photographs_starts_with_what_is_known(photos, cache, monkeypatch):
    """Their content is read once, until a file changes."""
    first = load(photos).fingerprint
    read = []
    monkeypatch.setattr(inventory, "check", lambda file, name, pixels: read.append(Path(name).name))
    assert load(photos).fingerprint == first
    assert read == []
    save(photos / "test/dog/1.png", np.zeros((9, 9, 3), "uint8"))
    assert load(photos).fingerprint != first
    assert read == ["1.png"]
    next(cache.rglob("*.npy")).write_bytes(b"damaged")
    assert load(photos).fingerprint != first
    assert len(read) == 7


def test_statistics_of_many_photographs_are_those_of_a_sample(tmp_path):
    draw = np.random.default_rng(0)
    for split, count in (("train", 1200), ("val", 2)):
        for number in range(count):
            pixels = np.full((2, 2, 3), draw.integers(0, 256, 3), "uint8")
            save(tmp_path / split / "ab"[number % 2] / f"{number}.png", pixels)
    data = load(tmp_path, size=2)
    seen, everything = statistics(data.train), data.train.read()
    assert seen == statistics(data.train)
    np.testing.assert_allclose(seen.mean, everything.mean((0, 1, 2)), atol=5)
    assert seen.mean != pytest.approx(everything.mean((0, 1, 2)), abs=1e-6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_photos_are_turned_upright(kind, turn, tmp_path):
    stored = Image.fromarray(np.arange(8 * 12, dtype="uint8").reshape(8, 12)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}
    stored.save(tmp_path / "turned", kind, exif=exif, **options.get(kind, {}))
    upright = ImageOps.exif_transpose(Image.open(tmp_path / "turned"))
    assert upright.size == ((8, 12) if turn > 4 else (12, 8))
    upright.save(tmp_path / "upright.png")
    for framing in (Framing(resize="crop"), Framing(resize="pad")):
        seen, expected = (
            images.read_image(tmp_path / name, (8, 8, 3), framing).astype(int)
            for name in ("turned", "upright.png")
        )
        assert abs(seen - expected).max() <= 1, framing


def test_only_exif_turns_photos_as_on_phones_and_in_browsers(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    other = Image.Exif()
    other[0x010F] = "a maker"  # EXIF data that say nothing of it
    for exif in (Image.Exif(), other):
        Image.new("RGB", (12, 8)).save(tmp_path / "1.jpg", xmp=xmp, exif=exif)
        with Image.open(tmp_path / "1.jpg") as image:
            assert image.getexif()[0x0112] == 6  # Pillow's own view of it
            assert images.upright_size(image) == (12, 8)
        assert images.read_image(tmp_path / "1.jpg", (8, 12, 3)).shape == (8, 12, 3)


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
    with pytest.raises(InputError, match=r"train/empty has no images: add some"):
        load(photos)
    (photos / "train/empty/1.heic").touch()
    with pytest.raises(InputError, match=r"has no images, but 1 '\.heic' files: convert them"):
        load(photos)


def test_a_class_that_is_called_train_is_not_guessed_at(tmp_path):
    for name in ("bus", "train"):
        save(tmp_path / name / "1.png", np.zeros((4, 4, 3), "uint8"))
    with pytest.raises(InputError, match=r"If 'train' is a class, give it another name\."):
        load(tmp_path)


def test_a_missing_image(tmp_path):
    with pytest.raises(InputError, match=r"no image .*gone\.png"):
        images.read_image(tmp_path / "gone.png", (4, 4, 3))


def test_what_is_used_and_what_is_not_is_said(photos, capsys):
    load(photos)
    assert capsys.readouterr().out == "photos: 6 images; left out: 1 '.txt' files\n"
    cat = photos / "train/cat"
    (cat / "notes.txt").unlink()
    (cat / "loop").symlink_to(cat)
    for name in (".DS_Store", "._1.png", "a.heic", "b.heic", "README"):
        (cat / name).write_text("no image")
    (photos / "test/stray.png").write_text("no image")
    (photos / "extra").mkdir()
    os.mkfifo(cat / "3.png")
    (cat / "4.png").symlink_to("gone")
    (cat / "self").symlink_to("self")
    assert len(load(photos).train) == 4
    assert capsys.readouterr().out == (
        "photos: 6 images; left out: 3 neither files nor folders, 2 names that begin with a dot, "
        "1 images outside of a class, 1 folders beside train and test, 1 files without suffix, "
        "1 links to folders, 2 '.heic' files\n"
    )
    for number in range(20):
        (cat / f"1.kind{number}").touch()
    load(photos)
    said = capsys.readouterr().out  # of many suffixes only some
    assert "1 links to folders, 2 '.heic' files, 1 '.kind0' files" in said
    assert said.endswith("15 of 15 other kinds\n")


def test_a_class_without_test_images_is_said(photos, capsys):
    (photos / "test/dog/1.png").unlink()
    assert load(photos).test.labels.tolist() == [0]
    assert "photos has no test images of dog: no score tells of them." in capsys.readouterr().out
    (photos / "test/dog").rmdir()
    load(photos)
    assert "photos has no test images of dog" in capsys.readouterr().out


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


@pytest.mark.parametrize("format", ["EPS", "PPM", "ICNS", "PCX"])
def test_no_other_kinds_are_decoded_whatever_the_name_says(photos, format):
    Image.new("RGB", (8, 8)).save(photos / "train/cat/1.png", format)
    with pytest.raises(InputError, match=r"cat/1\.png' as an image \(it is none of BMP, GIF"):
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
    assert listing.read_folder(photos, (4, 4, 3), 100, DataSettings()).shape == (6, 4, 4, 3)
    said = capsys.readouterr().out
    assert ": 6 images; left out: " in said
    for kind in ("1 '.txt' files", "1 links to folders", "1 names that begin with a dot"):
        assert kind in said
    assert len(listing.read_folder(photos, (4, 4, 3), 2, DataSettings())) == 2
    with pytest.raises(InputError, match="GiB of memory"):
        listing.read_folder(photos, (10**6, 10**6, 3), 2, DataSettings())
