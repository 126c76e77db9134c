"""Where labelled images come from: scikit-learn's digits, a folder, or TFDS."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.request import getproxies

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from keras_resnet.errors import InputError, suggestion
from train.data import Data, Split, hold_out

# Datasets of signs: a mirror image is another class, or none.
NO_MIRROR = {"digits", "mnist", "emnist", "kmnist", "svhn_cropped", "binarized_mnist"}

SUFFIXES = {".png", ".jpg", ".jpeg"}


def read_image(path: str | Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Reads a PNG or JPEG file as uint8 of a shape: turned upright, scaled, RGB or grey.

    Raises:
        InputError: if the file is missing or no image.
    """
    height, width, channels = shape
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("L" if channels == 1 else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(shape)
    except FileNotFoundError:
        raise InputError(f"no image {str(path)!r}: check the path.") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise InputError(
            f"cannot read {str(path)!r} as an image ({error}): remove or replace it."
        ) from error


def load(name: str, data_dir: str | None, size: int | None, default_size: int) -> Data:
    """Loads a data set into memory.

    Args:
        name: `digits` (scikit-learn's, bundled), a folder `ROOT/{train,test}/CLASS/*.png|jpg`, or
            the name of any image classification data set of TFDS.
        data_dir: Where TFDS keeps prepared data, read offline; `None` for its own folder, into
            which it downloads what is missing.
        size: Side to which images are scaled; `None` for their own if all are of one size.
        default_size: Side for data that has no size of its own.

    Raises:
        InputError: if there is no such data, or it cannot be had.
    """
    if name == "digits":
        return _digits(size or default_size)
    if name.startswith((".", "/", "~")) or (os.sep in name and os.path.isdir(name)):
        return _folder(Path(name).expanduser(), size or default_size)
    return _tfds(name, data_dir, size, default_size)


def _digits(size: int) -> Data:
    """UCI handwritten digits, 8x8 grey, scaled up; every fifth image of a class is for testing."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    grey = np.round(digits.images * (255 / 16)).astype(np.uint8)
    pictures = [
        Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR) for image in grey
    ]
    images = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    train, test = hold_out(Split(images, digits.target.astype(np.int32)), 0.2)
    return Data("digits", tuple("0123456789"), train, test, mirror=False)


def _folder(root: Path, size: int) -> Data:
    if not (root / "train").is_dir() or not (root / "test").is_dir():
        raise InputError(
            f"no folder {root}/train or {root}/test: images go in ROOT/train/CLASS/*.png."
        )
    classes = tuple(sorted(entry.name for entry in (root / "train").iterdir() if entry.is_dir()))
    strange = {entry.name for entry in (root / "test").iterdir() if entry.is_dir()} - {*classes}
    if strange:
        raise InputError(f"{root}/test has class {min(strange)!r}, which {root}/train has not.")

    def read(split: str) -> Split:
        files = [
            (file, label)
            for label, name in enumerate(classes)
            for file in sorted((root / split / name).glob("*"))
            if file.suffix.lower() in SUFFIXES
        ]
        _check_memory(str(root), len(files), (size, size, 3))
        images = np.empty((len(files), size, size, 3), np.uint8)
        for i, (file, _) in enumerate(files):
            images[i] = read_image(file, (size, size, 3))
        return Split(images, np.array([label for _, label in files], np.int32))

    return Data(root.name, classes, read("train"), read("test"))


def _tfds(name: str, data_dir: str | None, size: int | None, default_size: int) -> Data:
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        hint = suggestion(name, tfds.list_builders(with_community_datasets=False))
        raise InputError(
            f"unknown dataset {name!r}: {hint}Use a name of TFDS, 'digits', or a folder "
            "that holds train/CLASS/*.png and test/CLASS/*.png, as in ./photos."
        ) from None
    features = builder.info.features
    if builder.info.supervised_keys != ("image", "label"):
        raise InputError(f"{name} is no data set of images with labels: choose another.")
    if not builder.data_path.exists():
        _prepare(builder, name, data_dir)
    if not {"train", "test"} <= set(builder.info.splits):
        raise InputError(f"{name} has splits {list(builder.info.splits)}, not train and test.")
    shape = features["image"].shape
    if size or None in shape[:2]:
        shape = (size or default_size, size or default_size, shape[2] or 3)

    def read(split: str) -> Split:
        _check_memory(name, builder.info.splits[split].num_examples, shape)
        examples = builder.as_dataset(split=split, as_supervised=True)
        if features["image"].shape != shape:
            examples = examples.map(lambda x, y: (_scale(x, shape), y))
        batches = list(examples.batch(1000).as_numpy_iterator())
        images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return Split(images, labels.astype(np.int32))

    mirror = builder.name not in NO_MIRROR
    return Data(name, tuple(features["label"].names), read("train"), read("test"), mirror)


def _prepare(builder, name: str, data_dir: str | None) -> None:
    """Lets TFDS download a data set, unless the user said where it is."""
    problem = f"no data of {name} in {builder.data_path}"
    ways = (
        "give --data_dir=FOLDER where TFDS has prepared it, or take --dataset=digits, "
        "which needs no download."
    )
    if data_dir is not None:
        raise InputError(f"{problem}: {ways} Without --data_dir, TFDS downloads it.")
    if not _online():
        raise InputError(f"{problem}, and no network to download it: {ways}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS and what lies below it raise many kinds
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{problem}, and the download failed ({reason}): {ways}") from error


def _online() -> bool:
    """Whether a download has a chance. TFDS alone retries for minutes before it says no."""
    if getproxies():
        return True
    try:
        return bool(socket.getaddrinfo("storage.googleapis.com", 443))
    except OSError:
        return False


def _scale(image, shape: tuple[int, int, int]):
    import tensorflow as tf

    scaled = tf.image.resize(image, shape[:2], antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(scaled), 0, 255), tf.uint8)


def _check_memory(name: str, count: int, shape: Sequence[int]) -> None:
    """Stops before the machine does: images are held in memory, once plain and once framed."""
    need = 3 * count * int(np.prod(shape))
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if need > have:
        raise InputError(
            f"{name} at {shape[0]}x{shape[1]} needs {need / 2**30:.0f} GiB of memory, this machine "
            f"has {have / 2**30:.0f}: choose a smaller --image_size."
        )
