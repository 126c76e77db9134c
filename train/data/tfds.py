"""TensorFlow Datasets (TFDS)."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.request import getproxies

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_resnet.utils.errors import InputError, sentence, suggestion
from train.data import cache
from train.data.dataset import TEST_SHARE, Data, Split, hold_out
from train.data.images import Shape, check, resize
from train.data.memory import fits
from train.data.photographs import Photographs
from train.data.tfrecords import RecordFiles
from train.settings.data import DataSettings
from train.utils.quiet import quiet
from train.utils.threads import in_threads

ROW = np.dtype([("begin", "i8"), ("size", "i8"), ("label", "i8"), ("digest", "<u8", 2)])
# Data sets and configs of signs, whose mirror images are other signs or none.
NO_MIRROR = {
    "cmaterdb",
    "emnist",
    "gtsrb",
    "kmnist",
    "mnist",
    "mnist_corrupted",
    "omniglot",
    "svhn",
    "svhn_cropped",
}


def load(settings: DataSettings, default_size: int) -> Data:
    """Reads a TFDS data set of images with class labels.

    Images of one size are read into memory if they fit, unless damaged ones are to be left out;
    others are decoded where they are wanted.
    Without a split to be scored, a fifth of the training images is.

    Args:
        settings: Name and place of the data, and side that images are resized to; without one they
            keep their size.
        default_size: The side where images have many sizes.

    Raises:
        InputError: if there is no such data set, or it is out of reach or unusable.
    """
    name, data_dir, size = settings.dataset, settings.data_dir or None, settings.image_size
    if name.partition(":")[2][:1].isalpha() and not _online():  # as in huggingface:mnist
        raise InputError(f"{name} is not one of TFDS's own, and there is no network to ask for it.")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError, ImportError):
        hint = suggestion(
            name.lower(), ["digits", *tfds.list_builders(with_community_datasets=False)]
        )
        raise InputError(
            f"unknown dataset {name!r}{hint} Use a name of TFDS, 'digits', or a folder "
            "that holds train/CLASS/*.png and test/CLASS/*.png, as in ./photos."
        ) from None
    features = builder.info.features
    kinds = {name: type(feature) for name, feature in features.items()}
    wanted = {"image": tfds.features.Image, "label": tfds.features.ClassLabel}
    if not wanted.items() <= kinds.items():
        raise InputError(f"{name} is not a data set of images with class labels: choose another.")
    if not builder.info.splits:
        _prepare(builder, name, data_dir)
    splits = builder.info.splits
    if "train" not in splits:
        raise InputError(f"{name} has splits {list(splits)}, and no train: choose another.")
    # Some data sets have no test split with labels: their validation split is scored instead.
    parts = ["train", *(part for part in ("test", "validation") if _has_labels(builder, part))]
    own = features["image"].shape
    side = size or default_size
    shape = (side, side, own[2] or 3) if size or None in own[:2] else own
    settings = replace(settings, image_size=shape[0] if shape[0] == shape[1] else 0)
    count = sum(splits[part].num_examples for part in parts)
    if None in own[:2] or not fits(count, shape) or settings.skip_unreadable:
        # What scores are made with is decoded now, and not when the training is over.
        scored = {part: part != "train" or len(parts) == 1 for part in parts}
        found = [_stream(builder, part, shape, settings, scored[part]) for part in parts]
    else:
        found = [_read(builder, part, shape, settings) for part in parts]
    if len(found) == 1:
        found = [*hold_out(found[0], TEST_SHARE, half=0)]
    train, test, *validation = found
    return Data(
        name, tuple(features["label"].names), train, test, _mirrors(builder), settings,
        validation=validation[0] if validation else None,
    )  # fmt: skip


def _mirrors(builder) -> bool:
    """Whether mirror images show the same classes."""
    config = builder.builder_config
    return not NO_MIRROR & {builder.name, config.name if config else builder.name}


def _read(builder, split: str, shape: Shape, settings: DataSettings) -> Split:
    """A split in memory.

    Raises:
        InputError: if it cannot be read.
    """
    count, batch = builder.info.splits[split].num_examples, 1000
    images, labels = np.empty((count, *shape), np.uint8), np.empty(count, np.int32)
    with quiet(), _explained(f"cannot read {builder.name} in {builder.data_path}"):
        rows = builder.as_dataset(split=split).batch(batch).as_numpy_iterator()
        for number, row in enumerate(rows):
            place = slice(number * batch, (number + 1) * batch)
            images[place] = [resize(image, shape, settings) for image in row["image"]]
            labels[place] = row["label"]
    return Split(images, labels)


def _has_labels(builder, split: str) -> bool:
    """Whether there is such a split with labels: those of ImageNet's test images are all -1."""
    if split not in builder.info.splits:
        return False
    decoders = {"image": tfds.decode.SkipDecoding()}
    with quiet(), _explained(f"cannot read {builder.name} in {builder.data_path}"):
        rows = builder.as_dataset(split=f"{split}[:1]", decoders=decoders).as_numpy_iterator()
        return all(row["label"] >= 0 for row in rows)


def _stream(builder, split: str, shape: Shape, settings: DataSettings, scored: bool) -> Split:
    """A split whose images stay where they are; each is read once, for its label and header.

    Raises:
        InputError: if an image cannot be read.
    """
    if builder.info.file_format.value != "tfrecord":
        raise InputError(
            f"{builder.name} is kept as {builder.info.file_format.value}, of which too many images "
            "would be in memory: prepare it as tfrecord, which is the default."
        )
    paths = tuple(str(path) for path in builder.info.splits[split].filepaths)
    pixels = settings.skip_unreadable or scored
    scans = in_threads(
        lambda some: [_scan(path, settings.skip_unreadable, pixels) for path in some], paths
    )
    files = [rows for some in scans for rows in some]
    rows = np.concatenate(files)
    if skipped := builder.info.splits[split].num_examples - len(rows):
        print(f"{builder.name} {split}: {skipped} unreadable images left out", flush=True)
    numbers = np.repeat(np.arange(len(files)), [len(some) for some in files])
    places = np.stack([numbers, rows["begin"], rows["size"]], axis=1)
    images = Photographs(RecordFiles(paths, places), shape, settings, rows["digest"])
    return Split(images, rows["label"].astype(np.int32))


def _scan(path: str, skip_unreadable: bool, pixels: bool) -> np.ndarray:
    """The sound images of a TFRecord file; kept for the next time if all of them are.

    Args:
        path: Of the file.
        skip_unreadable: Whether to leave out those that cannot be read.
        pixels: Whether to decode all of each, not only its header.

    Raises:
        InputError: if one cannot be read, and is not to be left out.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): prepare it again.") from error
    place = cache.place(f"{path} {found.st_size} {found.st_mtime_ns} {pixels}")
    if len(known := cache.read(place, ROW)):
        return known
    sound, problems = [], 0
    for begin, record in _records(path):
        features = tf.train.Example.FromString(record).features.feature
        image = features["image"].bytes_list.value[0]
        offset = begin + record.index(image)
        try:
            check(image, f"{path} at byte {offset}", pixels)
        except InputError as error:
            if not skip_unreadable:
                raise InputError(f"{error} --skip_unreadable leaves such files out.") from error
            problems += 1
            continue
        digest = np.frombuffer(hashlib.blake2b(image, digest_size=16).digest(), "<u8")
        sound.append((offset, len(image), features["label"].int64_list.value[0], digest))
    rows = np.array(sound, ROW)
    if not problems:
        cache.write(place, rows)
    return rows


def _records(path: str) -> Iterator[tuple[int, bytes]]:
    """The records of a TFRecord file: where each begins, and its bytes.

    Before a record are its length (8 bytes) and a checksum (4), behind it another one (4):
    https://www.tensorflow.org/tutorials/load_data/tfrecord. TensorFlow compares both checksums.

    Raises:
        InputError: if the file is damaged.
    """
    begin = 12
    with quiet(), _explained(f"cannot read {path}"):
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            yield begin, record
            begin += len(record) + 16


@contextmanager
def _explained(problem: str) -> Iterator[None]:
    """Turns an error of TensorFlow into one sentence."""
    try:
        yield
    except tf.errors.OpError as error:
        raise InputError(f"{problem} ({sentence(error)}): prepare it again.") from error


def _prepare(builder, name: str, data_dir: str | None) -> None:
    """Lets TFDS download a data set, unless the user said where it is."""
    problem = f"no {name} data in {builder.data_path}"
    ways = (
        "give --data_dir=FOLDER, where TFDS has prepared it, or use --dataset=digits, which needs "
        "no download."
    )
    if data_dir is not None:
        raise InputError(f"{problem}: {ways} Without --data_dir, TFDS downloads it.")
    if not _online():
        raise InputError(f"{problem}, and no network to download it over: {ways}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS and what lies below it raise many kinds
        reason = f"{type(error).__name__}: {sentence(error)}"
        raise InputError(f"{problem}, and the download failed ({reason}): {ways}") from error


def _online() -> bool:
    """Whether a download has a chance. TFDS alone retries for minutes before it says no."""
    if getproxies().keys() - {"no"}:
        return True
    try:
        return bool(socket.getaddrinfo("storage.googleapis.com", 443))
    except OSError:
        return False
