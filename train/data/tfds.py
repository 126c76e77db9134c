"""TensorFlow Datasets (TFDS)."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.request import getproxies

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_resnet.utils.errors import InputError, sentence, suggestion
from train.data.dataset import Data, Split
from train.data.images import Shape, check, resize
from train.data.memory import check_memory
from train.data.photographs import Photographs
from train.data.records import RecordFiles, walk
from train.settings.data import DataSettings
from train.utils.quiet import quiet

# Data sets of signs, whose mirror images are other signs or none.
NO_MIRROR = {
    "cmaterdb",
    "emnist",
    "kmnist",
    "mnist",
    "mnist_corrupted",
    "omniglot",
    "svhn_cropped",
}


def load(settings: DataSettings, default_size: int) -> Data:
    """Reads a TFDS data set of images with class labels.

    Images of one size are read into memory, others are decoded where they are wanted.

    Args:
        settings: Name and place of the data, and side that images are resized to; without one they
            keep their size.
        default_size: The side where images have many sizes.

    Raises:
        InputError: if there is no such data set, or it is out of reach or unusable.
    """
    name, data_dir, size = settings.dataset, settings.data_dir or None, settings.image_size
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
    # Some data sets have no test split with labels: their validation split is scored instead.
    scorable = (split for split in ("test", "validation") if _has_labels(builder, split))
    test = next(scorable, None)
    if test is None or "train" not in builder.info.splits:
        raise InputError(
            f"{name} has splits {list(builder.info.splits)}, not train and one with labels to be "
            "scored: choose another."
        )
    own = features["image"].shape
    varied = None in own[:2]
    side = size or default_size
    shape = (side, side, own[2] or 3) if size or varied else own
    settings = replace(settings, image_size=shape[0] if shape[0] == shape[1] else 0)

    def read(split: str) -> Split:
        check_memory(name, builder.info.splits[split].num_examples, shape)
        count = builder.info.splits[split].num_examples
        batch = 1000
        images, labels = np.empty((count, *shape), np.uint8), np.empty(count, np.int32)
        with quiet(), _explained(f"cannot read {name} in {builder.data_path}"):
            rows = builder.as_dataset(split=split).batch(batch).as_numpy_iterator()
            for number, row in enumerate(rows):
                place = slice(number * batch, (number + 1) * batch)
                images[place] = [resize(image, shape, settings) for image in row["image"]]
                labels[place] = row["label"]
        return Split(images, labels)

    mirror = builder.name not in NO_MIRROR
    classes = tuple(features["label"].names)
    if varied:
        train, scored = (_stream(builder, part, shape, settings) for part in ("train", test))
    else:
        train, scored = read("train"), read(test)
    return Data(name, classes, train, scored, mirror, settings)


def _has_labels(builder, split: str) -> bool:
    """Whether there is such a split with labels: those of ImageNet's test images are all -1."""
    if split not in builder.info.splits:
        return False
    decoders = {"image": tfds.decode.SkipDecoding()}
    with quiet(), _explained(f"cannot read {builder.name} in {builder.data_path}"):
        rows = builder.as_dataset(split=f"{split}[:1]", decoders=decoders).as_numpy_iterator()
        return all(row["label"] >= 0 for row in rows)


def _stream(builder, split: str, shape: Shape, settings: DataSettings) -> Split:
    """A split whose images stay where they are; each is looked at once, for its label and header.

    Raises:
        InputError: if an image cannot be read.
    """
    paths = tuple(str(path) for path in builder.info.splits[split].filepaths)
    places, labels, digests, skipped = [], [], [], 0
    for number, path in enumerate(paths):
        for begin, record in walk(path):
            found = tf.train.Example.FromString(record).features.feature
            image = found["image"].bytes_list.value[0]
            place = begin + record.index(image)
            try:
                check(image, f"{path} at byte {place}", settings.skip_unreadable)
            except InputError as error:
                if not settings.skip_unreadable:
                    raise InputError(f"{error} --skip_unreadable leaves such files out.") from error
                skipped += 1
                continue
            places.append((number, place, len(image)))
            labels.append(found["label"].int64_list.value[0])
            digests.append(hashlib.blake2b(image, digest_size=16).digest())
    if skipped:
        print(f"{builder.name} {split}: {skipped} unreadable images left out", flush=True)
    files = RecordFiles(paths, np.array(places, np.int64).reshape(-1, 3))
    known = np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2)
    return Split(Photographs(files, shape, settings, known), np.array(labels, np.int32))


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
