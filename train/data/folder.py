"""A folder of images: `ROOT/{train,test}/CLASS/*.png|jpg`."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_resnet.utils.errors import InputError
from train.data.dataset import Data, Split
from train.data.images import SUFFIXES, check_memory, read_image
from train.settings.data import DataSettings


def load(root: Path, settings: DataSettings, size: int) -> Data:
    """Reads a folder into memory.

    Args:
        root: The folder.
        settings: Recorded with the data.
        size: Side that images are resized to.

    Raises:
        InputError: if the folder has another layout, or an image cannot be read.
    """
    shape = (size, size, 3)
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
        check_memory(str(root), len(files), shape)
        images = np.empty((len(files), *shape), np.uint8)
        for i, (file, _) in enumerate(files):
            images[i] = read_image(file, shape)
        return Split(images, np.array([label for _, label in files], np.int32))

    settings = replace(settings, image_size=size)
    return Data(root.name, classes, read("train"), read("test"), settings=settings)


def _classes(folder: Path) -> tuple[str, ...]:
    entries = (entry for entry in folder.iterdir() if entry.is_dir())
    return tuple(sorted(entry.name for entry in entries if not entry.name.startswith(".")))
