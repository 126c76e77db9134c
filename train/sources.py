"""Where labelled images come from: scikit-learn's digits, a folder, or TFDS."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.request import getproxies

import numpy as np
from PIL import Image, ImageOps

from keras_resnet.errors import InputError, suggestion
from train.data import Data, Split, hold_out, some
from train.quiet import quiet

# Data sets of signs, whose mirror images are other signs or none.
NO_MIRROR = {
    "cmaterdb",
    "digits",
    "emnist",
    "kmnist",
    "mnist",
    "mnist_corrupted",
    "omniglot",
    "svhn_cropped",
}

SUFFIXES = {".png", ".jpg", ".jpeg"}


def read_image(path: str | Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Reads a PNG or JPEG file: turned upright, scaled to the shape, transparent parts black.

    Args:
        path: The file.
        shape: `(height, width, channels)` of the result; 1 channel is grey, 3 are RGB.

    Returns:
        A uint8 array.

    Raises:
        InputError: if the file is missing or is no image.
    """
    height, width, channels = shape
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip
                image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
            image = image.convert("L" if channels == 1 else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(shape)
    except FileNotFoundError:
        raise InputError(f"no image {str(path)!r}: check the path.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"cannot read {str(path)!r} as an image ({error}): remove or replace it."
        ) from error


def read_folder(folder: Path, shape: tuple[int, int, int], most: int) -> np.ndarray:
    """Reads at most so many images of a folder and those in it, drawn at random.

    Raises:
        InputError: if there are none, or one cannot be read.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"no .png or .jpg images in {str(folder)!r}: check the path.")
    return np.stack([read_image(files[i], shape) for i in some(len(files), most)])


DEFAULT = "cifar10"


def load(name: str | None, data_dir: str | None, size: int | None, default_size: int) -> Data:
    """Loads a data set into memory.

    Args:
        name: `digits` (scikit-learn's, bundled), a folder `ROOT/{train,test}/CLASS/*.png|jpg`, or
            the name of any TFDS data set of images with class labels; `None` for `DEFAULT`.
        data_dir: Where TFDS keeps prepared data, read offline; `None` for its own folder, into
            which it downloads what is missing.
        size: Side to which all images are scaled, without keeping their proportions; `None` for
            the size that a TFDS data set has itself, and else `default_size`.
        default_size: The network's own size.

    Raises:
        InputError: if there is no such data, or it is out of reach or unusable.
    """
    name = name or DEFAULT
    if name == "digits":
        return _digits(size or default_size)
    if name.startswith((".", "/", "~")) or (os.sep in name and os.path.isdir(name)):
        return _folder(Path(os.path.expanduser(name)).resolve(), size or default_size)
    return _tfds(name, data_dir, size, default_size)


def _digits(size: int) -> Data:
    """UCI handwritten digits, 8x8 grey, scaled up; a fifth of each class is for testing."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    _check_memory("digits", len(digits.images), (size, size, 3))
    grey = np.round(digits.images * (255 / 16)).astype(np.uint8)
    scaled = [Image.fromarray(g).resize((size, size), Image.Resampling.BILINEAR) for g in grey]
    images = np.stack([np.asarray(image.convert("RGB")) for image in scaled])
    train, test = hold_out(Split(images, digits.target.astype(np.int32)), 0.2)
    return Data("digits", tuple("0123456789"), train, test, mirror="digits" not in NO_MIRROR)


def _folder(root: Path, size: int) -> Data:
    if not (root / "train").is_dir() or not (root / "test").is_dir():
        raise InputError(
            f"{root} must hold the folders train and test, with images in train/CLASS/*.png or "
            "*.jpg."
        )
    classes = _classes(root / "train")
    strange = {*_classes(root / "test")} - {*classes}
    if strange:
        raise InputError(f"{root}/test has class {min(strange)!r}, which {root}/train lacks.")
    if len(classes) < 2:
        raise InputError(f"{root}/train has {len(classes)} classes: it needs at least 2 folders.")

    def read(split: str) -> Split:
        files = [
            (file, label)
            for label, name in enumerate(classes)
            for file in sorted((root / split / name).glob("*"))
            if file.suffix.lower() in SUFFIXES
        ]
        empty = {*range(len(classes))} - {label for _, label in files}
        if split == "train" and empty:
            raise InputError(f"{root}/train/{classes[min(empty)]} has no .png or .jpg images.")
        _check_memory(str(root), len(files), (size, size, 3))
        images = np.empty((len(files), size, size, 3), np.uint8)
        for i, (file, _) in enumerate(files):
            images[i] = read_image(file, (size, size, 3))
        return Split(images, np.array([label for _, label in files], np.int32))

    return Data(root.name, classes, read("train"), read("test"))


def _classes(folder: Path) -> tuple[str, ...]:
    entries = (entry for entry in folder.iterdir() if entry.is_dir())
    return tuple(sorted(entry.name for entry in entries if not entry.name.startswith(".")))


def _tfds(name: str, data_dir: str | None, size: int | None, default_size: int) -> Data:
    import tensorflow as tf
    import tensorflow_datasets as tfds

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
    test = next((split for split in ("test", "validation") if split in builder.info.splits), None)
    if test is None or "train" not in builder.info.splits:
        raise InputError(
            f"{name} has splits {list(builder.info.splits)}, not train and test: choose another."
        )
    shape = features["image"].shape
    if size or None in shape[:2]:
        shape = (size or default_size, size or default_size, shape[2] or 3)

    def read(split: str) -> Split:
        _check_memory(name, builder.info.splits[split].num_examples, shape)
        examples = builder.as_dataset(split=split).map(lambda row: (row["image"], row["label"]))
        if features["image"].shape != shape:
            examples = examples.map(lambda x, y: (_scale(x, shape), y))
        try:
            with quiet():
                batches = list(examples.batch(1000).as_numpy_iterator())
        except tf.errors.OpError as error:
            raise InputError(
                f"cannot read {name} in {builder.data_path} ({error.message}): prepare it again."
            ) from error
        images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return Split(images, labels.astype(np.int32))

    mirror = builder.name not in NO_MIRROR
    return Data(name, tuple(features["label"].names), read("train"), read(test), mirror)


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
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{problem}, and the download failed ({reason}): {ways}") from error


def _online() -> bool:
    """Whether a download has a chance. TFDS alone retries for minutes before it says no."""
    if getproxies().keys() - {"no"}:
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
    """Stops before the machine does: at its peak, a training holds images about five times."""
    need = 5 * count * int(np.prod(shape))
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if need > have:
        raise InputError(
            f"{name} at {shape[0]}x{shape[1]} needs {need / 2**30:.0f} GiB of memory, this machine "
            f"has {have / 2**30:.0f}: choose a smaller --image_size."
        )
