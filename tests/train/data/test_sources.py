import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets
from PIL import Image

import keras_resnet
from keras_resnet import InputError
from keras_resnet.export import formats
from keras_resnet.imagenet_utils import CIFAR10
from keras_resnet.spec.preprocessing import MODES
from train.data import images, memory, sources, tfds
from train.data.dataset import hold_out
from train.data.statistics import statistics
from train.settings.data import DataSettings

ROOT = Path(__file__).parents[3]
CIFAR = ROOT.parent / "shared" / "tfds"  # real data, beside the repository


def load(name, data_dir="", size=0, default_size=32):
    return sources.load(DataSettings(str(name), data_dir, size), default_size)


def test_a_folder_is_one_that_is_written_like_one(tmp_path):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("RGB", (9, 7)).save(tmp_path / split / name / "1.png")
    data = load(tmp_path, size=24)
    assert (data.classes, data.shape) == (("cat", "dog"), (24, 24, 3))


def test_digits_need_no_network():
    digits = load("digits")
    assert digits.classes == tuple("0123456789")
    assert digits.shape == (32, 32, 3)
    assert len(digits.train.labels) + len(digits.test.labels) == 1797
    assert not digits.mirror
    assert digits.fingerprint == load("digits").fingerprint


def test_digits_are_framed_as_the_flags_say():
    digits, part = load("digits"), sources.load(DataSettings("digits", crop_ratio=0.5), 32)
    assert digits.fingerprint == sources.load(DataSettings("digits", resize="pad"), 32).fingerprint
    assert part.fingerprint != digits.fingerprint


def test_digits_have_no_files_that_could_be_unreadable():
    with pytest.raises(InputError, match="skip_unreadable is for files, and digits has none"):
        sources.load(DataSettings("digits", skip_unreadable=True), 32)


def test_a_ratio_of_crops_is_refused_where_nothing_is_cropped():
    with pytest.raises(InputError, match=r"crop_ratio 0.9 is for crops, and pad shows all"):
        DataSettings(resize="pad", crop_ratio=0.9)


@pytest.mark.parametrize("name", ["digits", "./photos"])
def test_data_of_their_own_place_need_no_other(name, tmp_path):
    with pytest.raises(InputError, match=f"is where TFDS keeps its data, and {name} is none of"):
        load(name, data_dir=str(tmp_path))


def test_the_demo_image_is_a_test_image():
    image = images.read_image(ROOT / "tests" / "data" / "digit_7.png", (32, 32, 3))
    digits = load("digits")
    places = np.flatnonzero((digits.test.read() == image).all((1, 2, 3)))
    assert digits.test.labels[places].tolist() == [7]


@pytest.mark.parametrize("name", ["cifar10/foo", "cifar10:9.9.9", "a b"])
def test_strange_names_of_datasets(name, tmp_path):
    with pytest.raises(InputError, match="unknown dataset"):
        load(name, data_dir=str(tmp_path))


def test_missing_data_names_the_folder_and_the_ways_out(tmp_path):
    with pytest.raises(InputError) as caught:
        load("cifar10", data_dir=str(tmp_path))
    for part in (str(tmp_path / "cifar10"), "--data_dir=FOLDER", "--dataset=digits"):
        assert part in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_missing_data_and_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "_online", lambda: False)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(InputError, match="no network to download it over"):
        load("mnist")


@pytest.mark.parametrize(
    ("name", "mirrors"),
    [("mnist", False), ("cifar10", True), ("visual_domain_decathlon/svhn", False),
     ("visual_domain_decathlon/aircraft", True)],
)  # fmt: skip
def test_signs_have_no_mirror_images(name, mirrors, tmp_path):
    assert tfds._mirrors(tensorflow_datasets.builder(name, data_dir=tmp_path)) is mirrors


def test_what_is_of_another_host_needs_a_network(monkeypatch):
    monkeypatch.setattr(tfds, "_online", lambda: False)
    with pytest.raises(InputError, match=r"huggingface:mnist is not one of TFDS's own, and there"):
        load("huggingface:mnist")


def test_a_mistyped_dataset_is_corrected():
    with pytest.raises(InputError, match=r"unknown dataset 'cifr10': did you mean 'cifar10'\?"):
        load("cifr10")


def test_a_mistyped_digits_is_corrected():
    with pytest.raises(InputError, match="did you mean 'digits'"):
        load("Digits")


def test_a_dataset_without_images(tmp_path):
    with pytest.raises(InputError, match="imdb_reviews is not a data set of images"):
        load("imdb_reviews", data_dir=str(tmp_path))


@pytest.fixture(scope="module")
def cifar10():
    assert CIFAR.exists(), f"{CIFAR} must hold CIFAR-10 as TFDS prepares it"
    return load("cifar10", data_dir=str(CIFAR))


# Of the test images, how many are classified, and how far from the record their accuracy may be.
# Over all of them, other processors round otherwise; over the first 500, chance is less than that.
SHARES = pytest.mark.parametrize(
    ("count", "near"), [(500, 0.04), pytest.param(10_000, 2e-4, marks=pytest.mark.manual)]
)


@SHARES
def test_the_weights_that_come_along_score_what_their_run_says(cifar10, count, near):
    record = json.loads((ROOT / "saved_models/pretrained/resnet20_cifar10/run.json").read_text())
    assert cifar10.fingerprint == record["data"]["sha256"]
    model = keras_resnet.ResNet20(weights="cifar10")
    prepared = keras_resnet.ResNet20.preprocess_input(cifar10.test.read()[:count].astype("float32"))
    guesses = model.predict(prepared, batch_size=500, verbose=0).argmax(-1)
    accuracy = np.mean(guesses == cifar10.test.labels[:count])
    assert accuracy == pytest.approx(record["test"]["keras"]["accuracy"], abs=near)


@SHARES
@pytest.mark.parametrize("name", ["float32", "int8"])
@pytest.mark.parametrize("network", ["tiny_cifar10", "lean_cifar10", "strided_cifar10"])
def test_the_files_that_come_along_score_what_their_export_says(
    cifar10, network, name, count, near
):
    folder = ROOT / "saved_models/pretrained" / network
    row = json.loads((folder / "export.json").read_text())["formats"][name]
    assert (folder / row["file"]).stat().st_size == row["bytes"]
    guesses = formats.load(folder, name)(cifar10.test.read()[:count]).argmax(-1)
    accuracy = np.mean(guesses == cifar10.test.labels[:count])
    assert accuracy == pytest.approx(row["accuracy"], abs=near)


def test_cifar10_from_tfds(cifar10):
    data = cifar10
    assert data.classes[:3] == ("airplane", "automobile", "bird")
    assert data.train.read().shape == (50_000, 32, 32, 3)
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    assert data.mirror
    assert list(data.classes) == list(CIFAR10)
    stated = MODES["cifar10"].mean, MODES["cifar10"].std
    for ours, measured in zip(stated, statistics(data.train), strict=True):
        np.testing.assert_allclose(ours, measured, atol=6e-4)
    assert np.bincount(hold_out(data.train, 0.1)[1].labels).tolist() == [500] * 10


@pytest.mark.manual
def test_images_of_tfds_are_resized_as_those_of_files(cifar10, tmp_path):
    """There is one resizer."""
    data = load("cifar10", data_dir=str(CIFAR), size=20)
    assert data.shape == (20, 20, 3)
    assert data.settings.image_size == 20
    Image.fromarray(cifar10.test.read(np.array([3]))[0]).save(tmp_path / "one.png")
    expected = images.read_image(tmp_path / "one.png", (20, 20, 3))
    np.testing.assert_array_equal(data.test.read(np.array([3]))[0], expected)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A TFDS data set of JPEG images of many sizes, with labels, in two files."""
    draw = np.random.default_rng(0)
    images = [draw.integers(0, 256, (*draw.integers(9, 40, 2), 3)).astype("uint8") for _ in "x" * 9]
    features = tensorflow_datasets.features

    def split(count, labeled=True):
        return tf.data.Dataset.from_generator(
            lambda: ({"image": images[i], "label": i % 3 if labeled else -1} for i in range(count)),
            output_signature={
                "image": tf.TensorSpec((None, None, 3), tf.uint8),
                "label": tf.TensorSpec((), tf.int64),
            },
        )

    place = tmp_path_factory.mktemp("tfds")
    tensorflow_datasets.dataset_builders.store_as_tfds_dataset(
        name="some_photos",
        version="1.0.0",
        features=features.FeaturesDict({
            "image": features.Image(shape=(None, None, 3), encoding_format="jpeg"),
            "label": features.ClassLabel(names=["a", "b", "c"]),
        }),
        split_datasets={
            "train": split(9), "validation": split(3), "test": split(4, labeled=False),
        },
        data_dir=place,
    )  # fmt: skip
    return place


def test_photographs_of_tfds_are_read_where_they_are(photographs):
    data = load("some_photos", data_dir=str(photographs), size=8)
    assert (data.classes, data.shape) == (("a", "b", "c"), (8, 8, 3))
    assert not data.train.in_memory
    assert sorted(data.test.labels) == [0, 1, 2]  # those of `test` are unknown, as of ImageNet
    builder = tensorflow_datasets.builder("some_photos", data_dir=photographs)
    rows = [*builder.as_dataset(
        split="train", decoders={"image": tensorflow_datasets.decode.SkipDecoding()}
    ).as_numpy_iterator()]  # fmt: skip
    assert data.train.labels.tolist() == [row["label"] for row in rows]
    expected = [images.whole(row["image"], "one", (8, 8, 3), data.settings) for row in rows]
    np.testing.assert_array_equal(data.train.read(), expected)
    other = load("some_photos", data_dir=str(photographs), size=8)
    assert data.fingerprint == other.fingerprint


def test_records_of_tfds_are_read_once(photographs, monkeypatch):
    data = load("some_photos", data_dir=str(photographs), size=8)
    monkeypatch.setattr(tfds, "_records", lambda path: pytest.fail(f"{path} is read again"))
    other = load("some_photos", data_dir=str(photographs), size=8)
    assert data.fingerprint == other.fingerprint
    np.testing.assert_array_equal(data.train.read(), other.train.read())


def rewrite(file, change):
    """The records of a file, changed, with checksums that fit."""
    records = [*tf.data.TFRecordDataset(str(file)).as_numpy_iterator()]
    with tf.io.TFRecordWriter(str(file)) as writer:
        for number, record in enumerate(records):
            writer.write(change(record) if number == 0 else record)


def test_a_damaged_image_of_tfds_is_named(photographs, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(photographs, copy)
    file = next(copy.rglob("*train.tfrecord*"))
    rewrite(file, lambda record: record.replace(b"\xff\xd8\xff", b"\xff\xd8\xfe", 1))
    with pytest.raises(InputError, match=r"tfrecord.* at byte \d+.* --skip_unreadable leaves"):
        load("some_photos", data_dir=str(copy), size=8)
    rest = sources.load(DataSettings("some_photos", str(copy), 8, skip_unreadable=True), 8)
    assert len(rest.train) == 8


def test_what_of_tfds_is_scored_is_decoded_before_a_training(photographs, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(photographs, copy)
    for part, found_now in (("train", False), ("validation", True)):
        # Its header is sound.
        rewrite(next(copy.rglob(f"*{part}.tfrecord*")), cut)
        if found_now:
            with pytest.raises(InputError, match=r"validation.* --skip_unreadable leaves"):
                load("some_photos", data_dir=str(copy), size=8)
        else:
            data = load("some_photos", data_dir=str(copy), size=8)
            with pytest.raises(InputError, match=r"train.*--skip_unreadable"):
                data.train.read()


def cut(record):
    example = tf.train.Example.FromString(record)
    (image,) = example.features.feature["image"].bytes_list.value
    example.features.feature["image"].bytes_list.value[0] = image[: len(image) - 100]
    return example.SerializeToString()


@pytest.mark.parametrize("place", [0, 20, -100])
def test_a_damaged_file_of_tfds_is_named(photographs, tmp_path, place):
    """Also where only a checksum tells, as with a label."""
    copy = tmp_path / "copy"
    shutil.copytree(photographs, copy)
    file = next(copy.rglob("*train.tfrecord*"))
    whole = file.read_bytes()
    damaged = bytearray(whole)
    damaged[place] ^= 1
    for content in (bytes(damaged), whole[:-9]):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"cannot read .*tfrecord.*: prepare it again"):
            load("some_photos", data_dir=str(copy), size=8)


def stored(place, shape, splits):
    """A TFDS data set of random PNG images with labels, by split so many."""
    features = tensorflow_datasets.features
    draw = np.random.default_rng(0)
    signature = {
        "image": tf.TensorSpec(shape, tf.uint8), "label": tf.TensorSpec((), tf.int64)
    }  # fmt: skip

    def split(count):
        rows = [{"image": draw.integers(0, 256, shape).astype("uint8"), "label": i % 2}
                for i in range(count)]  # fmt: skip
        return tf.data.Dataset.from_generator(lambda: iter(rows), output_signature=signature)

    tensorflow_datasets.dataset_builders.store_as_tfds_dataset(
        name="signs",
        version="1.0.0",
        features=features.FeaturesDict(
            {"image": features.Image(shape=shape), "label": features.ClassLabel(names=["a", "b"])}
        ),
        split_datasets={name: split(count) for name, count in splits.items()},
        data_dir=place,
    )
    return str(place)


def test_a_data_set_of_tfds_without_a_test_split_is_divided(tmp_path):
    data = load("signs", data_dir=stored(tmp_path, (4, 4, 3), {"train": 50}))
    assert np.bincount(data.train.labels).tolist() == [20, 20]
    assert np.bincount(data.test.labels).tolist() == [5, 5]


def test_a_validation_split_of_tfds_is_held_out(tmp_path):
    place = stored(tmp_path, (4, 4, 3), {"train": 6, "validation": 4, "test": 2})
    data = load("signs", data_dir=place)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [6, 4, 2]


def test_images_of_one_size_stay_in_their_files_if_they_do_not_fit(tmp_path, monkeypatch):
    place = stored(tmp_path, (4, 4, 3), {"train": 60})
    monkeypatch.setattr(memory, "memory", lambda: 5 * 60 * 48)
    small = load("signs", data_dir=place)
    monkeypatch.setattr(memory, "memory", lambda: 5 * 60 * 48 - 1)
    large = load("signs", data_dir=place)
    assert small.train.in_memory and not large.train.in_memory
    images = ({*map(bytes, [*data.train.read(), *data.test.read()])} for data in (small, large))
    assert len(set.union(*images)) == 60
    monkeypatch.setattr(memory, "memory", lambda: 2**40)
    chosen = sources.load(DataSettings("signs", place, skip_unreadable=True), 8)
    assert not chosen.train.in_memory  # as decoding all of them is what leaves some out
    assert 0 < len(large.test) < 30 and len({*large.hold_out(0.2)[1].labels}) == 2


def test_files_that_cannot_be_read_where_they_are_are_refused(tmp_path, monkeypatch):
    place = stored(tmp_path, (4, 4, 3), {"train": 6})
    info = next(tmp_path.rglob("dataset_info.json"))
    info.write_text(info.read_text().replace('"tfrecord"', '"array_record"'))
    monkeypatch.setattr(memory, "memory", lambda: 1)
    with pytest.raises(InputError, match=r"signs is kept as array_record.* prepare it as tfrecord"):
        load("signs", data_dir=place)
