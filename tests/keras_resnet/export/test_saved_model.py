import io
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import sklearn.datasets
import tensorflow as tf
from PIL import Image

from keras_resnet import InputError, ResNet8
from keras_resnet.export import photographs, saved_model
from keras_resnet.utils.framing import Framing, frame
from tests.networks import vary
from train.data.images import read_image

DRAW = np.random.default_rng(0)
LABELS = ["tench", "Gänsegeier", "a b", "tench", *"456789"]  # names need not differ
PLAIN = Framing()
COLORS = Image.fromarray(DRAW.integers(0, 256, (32, 32, 4)).astype("uint8"))  # with alpha


def photograph():
    return Image.open(Path(sklearn.datasets.__file__).with_name("images") / "china.jpg")


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """A model with statistics that are not trivial, and what was written, moved and loaded."""
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 3), name="image")
    model = vary(ResNet8(input_tensor=keras.layers.Rescaling(1 / 64, offset=-2)(image)))
    folder = tmp_path_factory.mktemp("delivered")
    saved_model.write(model, folder / "written", LABELS)
    moved = (folder / "written").rename(folder / "moved")
    return model, moved, tf.saved_model.load(str(moved))


def pixels(folder, shape, framing=None):
    """The method `serve` of a model whose probabilities are the pixels that it was given."""
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten()])
    saved_model.write(model, folder, framing=framing)
    serve = tf.saved_model.load(str(folder)).serve
    return lambda files: serve(files).numpy().reshape(-1, *shape)


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "RGB"])
def small(request, tmp_path_factory):
    """A shape, and the pixels of files as a model of this shape sees them."""
    shape = (32, 32, request.param)
    return shape, pixels(tmp_path_factory.mktemp("cifar") / "model", shape)


def test_floats_bytes_and_files_give_the_models_probabilities(delivered):
    model, _, loaded = delivered
    images = DRAW.integers(0, 256, (7, 32, 32, 3)).astype("uint8")
    expected = model.predict_on_batch(images.astype("float32"))
    assert expected.std(0).max() > 1e-3  # the model does look at its images
    files = tf.constant([encoded(Image.fromarray(image)) for image in images])
    np.testing.assert_allclose(loaded.serve(images), expected, atol=1e-6)
    np.testing.assert_array_equal(loaded.serve(images), loaded.serve(images.astype("float32")))
    np.testing.assert_array_equal(loaded.serve(images), loaded.serve(files))


def test_a_path_is_no_pattern(delivered, tmp_path):
    """TensorFlow finds no variables in such a folder, and `load` does."""
    model, folder, _ = delivered
    copy = Path(shutil.copytree(folder, tmp_path / "photos [1]*"))
    with pytest.raises(OSError, match="Failed to find any matching files"):
        tf.saved_model.load(str(copy))
    images = DRAW.integers(0, 256, (2, 32, 32, 3)).astype("float32")
    expected = model.predict_on_batch(images)
    np.testing.assert_allclose(saved_model.load(copy)(images), expected, atol=1e-6)


def test_the_signatures(delivered):
    found = {
        name: [*served.structured_input_signature[1].values(), *served.structured_outputs.items()]
        for name, served in delivered[2].signatures.items()
    }
    probabilities = ("output_0", tf.TensorSpec((None, 10), tf.float32, "output_0"))
    assert found == {
        "serving_default": [tf.TensorSpec((None, 32, 32, 3), tf.float32, "image"), probabilities],
        "serve": [tf.TensorSpec((None,), tf.string, "image_bytes"), probabilities],
        "labels": [
            tf.TensorSpec(None, tf.int64, "index"),
            ("output_0", tf.TensorSpec(None, tf.string, "output_0")),
        ],
    }


def assert_seen_alike(seen, paths, shape, framing=PLAIN, most=0):
    """The model sees files as training does; all in one call, as each takes half a second."""
    found = seen([path.read_bytes() for path in paths])
    for path, pixels in zip(paths, found, strict=True):
        expected = read_image(path, shape, framing).astype(int)
        assert abs(pixels - expected).max() <= most, path


MODES = ["1", "L", "LA", "RGB", "RGBA", "P", "few colors", "clear color"]


def test_a_png_is_read_as_in_training(small, tmp_path):
    shape, seen = small
    paths = [tmp_path / f"{mode}.png" for mode in MODES]
    for mode, path in zip(MODES, paths, strict=True):
        image = COLORS.convert("RGB").quantize(13) if "color" in mode else COLORS.convert(mode)
        image.save(path, **({"transparency": 3} if mode == "clear color" else {}))
    assert_seen_alike(seen, paths, shape)


def test_a_jpeg_is_read_as_in_training(small, tmp_path):
    shape, seen = small
    crop, paths = photograph().crop((300, 200, 332, 232)), []
    for mode in ("L", "RGB", "CMYK"):
        for options in ({}, {"progressive": True, "quality": 30}, {"subsampling": 0}):
            paths.append(tmp_path / f"{mode} {'_'.join(options)}.jpg")
            crop.convert(mode).save(paths[-1], **options)
    assert_seen_alike(seen, paths, shape)


def test_files_of_other_sizes_are_scaled_as_in_training(small, tmp_path):
    shape, seen = small
    sizes = [(640, 427), (320, 200), (33, 31), (20, 45), (9, 7)]
    paths = [tmp_path / f"{width}.png" for width, _ in sizes]
    for path, size in zip(paths, sizes, strict=True):
        photograph().resize(size).save(path)
    expected = np.stack([read_image(path, shape) for path in paths]).astype(int)
    difference = abs(seen([path.read_bytes() for path in paths]) - expected)
    assert difference.max() <= 1  # Pillow counts in whole numbers
    assert (difference > 0).mean() < 0.05


@pytest.mark.parametrize("ratio", [0.875, 0.9])
def test_what_is_seen_is_rounded_as_in_training(ratio):
    """Of 108 pixels, 0.875 are 94 or 95, by the order of the factors."""
    target, framing = (160, 160), Framing(crop_ratio=ratio)
    sizes = [(short, short + 37) for short in range(1, 1000)]
    boxes = [frame(size, target, framing).box for size in sizes]
    expected = [(box.bottom - box.top, box.right - box.left) for box in boxes]
    seen = tf.map_fn(
        lambda size: photographs._box(size, target, framing)[0],
        tf.constant(sizes),
        fn_output_signature=tf.float64,
    )
    np.testing.assert_array_equal(seen, expected)


@pytest.fixture(
    scope="module", params=["crop", "pad", pytest.param("stretch", marks=pytest.mark.slow)]
)
def framed(request, tmp_path_factory):
    """A framing, and the pixels of files as a model sees them that is told of it."""
    framing = Framing(resize=request.param, crop_ratio=0.8)
    return framing, pixels(tmp_path_factory.mktemp("framed") / "model", (24, 32, 3), framing)


def test_files_are_framed_as_in_training(framed, tmp_path):
    """A large JPEG is decoded in a smaller size by both."""
    framing, seen = framed
    paths = []
    for size in [(32, 24), (640, 427), (100, 427), (640, 50), (33, 31), (9, 7)]:
        for suffix in (".png", ".jpg"):
            paths.append(tmp_path / f"{size}{suffix}")
            photograph().resize(size).save(paths[-1])
    # Pillow counts in whole numbers.
    assert_seen_alike(seen, paths, (24, 32, 3), framing, most=1)


def test_a_jpeg_is_turned_upright_as_in_training(framed, tmp_path):
    framing, seen = framed
    image, paths = photograph().resize((64, 40)), []
    for order in "<>":
        for orientation in range(10):  # 0 and 9 mean nothing
            exif = Image.Exif()
            exif.endian = order
            exif[0x010F], exif[0x0112], exif[0x0131] = "maker", orientation, "software"
            paths.append(tmp_path / f"{order}{orientation}.jpg")
            image.save(paths[-1], exif=exif, icc_profile=bytes(70_000))
    assert_seen_alike(seen, paths, (24, 32, 3), framing, most=1)


def test_damaged_exif_data_are_no_error(framed, tmp_path):
    """Whatever a byte of it becomes, the pixels are still there."""
    _, seen = framed
    exif, file = Image.Exif(), tmp_path / "turned.jpg"
    exif[0x0112] = 6
    photograph().resize((64, 40)).save(file, exif=exif)
    whole = file.read_bytes()
    begin = whole.index(b"Exif") + 6
    damaged = [whole[:at] + b"\xff" + whole[at + 1 :] for at in range(begin, begin + 26)]
    assert seen(damaged).shape == (26, 24, 32, 3)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"no image", "Unknown image file format"),
        (b"", "Input is empty"),
        (encoded(COLORS)[:100], "Invalid PNG data"),
        (encoded(COLORS.convert("RGB"), "JPEG")[:300], "Invalid JPEG data"),
        (encoded(COLORS.convert("RGB"), "BMP"), "BMP format"),
        (
            encoded(COLORS, "GIF", save_all=True, append_images=[photograph()]),
            "Got 2 frames, but animated gifs",
        ),
    ],
    ids=["text", "nothing", "cut PNG", "cut JPEG", "BMP", "animation"],
)
def test_what_is_no_such_file_is_an_error(delivered, file, message):
    whole = encoded(COLORS)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        delivered[2].serve(tf.constant([whole, file]))


def test_labels_are_an_asset_and_a_method(delivered):
    _, folder, loaded = delivered
    assert (folder / "assets" / "labels.txt").read_text(encoding="utf-8").splitlines() == LABELS
    names = loaded.labels(np.arange(12).reshape(3, 4)).numpy()
    assert [name.decode() for name in names.ravel()] == [*LABELS, "", ""]


@pytest.mark.parametrize("wrong", [LABELS[1:], ["", *LABELS[1:]], ["two\nlines", *LABELS[1:]]])
def test_labels_are_a_line_for_each_class(delivered, tmp_path, wrong):
    with pytest.raises(InputError, match="of one line, for 10 classes: give one name for each"):
        saved_model.write(delivered[0], tmp_path / "new", wrong)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("shape", [(32, 32, 4), (None, None, 3)])
def test_a_shape_that_no_file_has_takes_only_numbers(shape, tmp_path):
    image = keras.Input(shape)
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    saved_model.write(keras.Model(image, pooled), tmp_path / "model")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    assert set(loaded.signatures) == {"serving_default", "serve"}
    (source,) = loaded.signatures["serve"].structured_input_signature[1].values()
    assert source == tf.TensorSpec((None, *shape), tf.float32, "image")
    images = np.full((2, 32, 32, shape[-1]), 7, "uint8")
    np.testing.assert_array_equal(loaded.serve(images), np.full((2, shape[-1]), 7))
