"""Where images come from: scikit-learn's digits, a folder, or TFDS."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_resnet.utils.errors import InputError
from train.data import folder
from train.data.dataset import TEST_SHARE, Data, Split, hold_out
from train.data.images import resize
from train.data.memory import check_memory
from train.settings.data import DataSettings


def load(settings: DataSettings, default_size: int) -> Data:
    """Loads a data set.

    Args:
        settings: `dataset` is `digits` (scikit-learn's, bundled), a folder
            `ROOT/{train,val}/CLASS/*.jpg` or `ROOT/CLASS/*.jpg`, or the name of any TFDS data set
            of images with class labels; `data_dir` is where TFDS keeps prepared data, read offline,
            else TFDS downloads what is missing; `image_size` is the side that images are resized
            to, as `resize` and `crop_ratio` say.
        default_size: The network's own size, for data that have no size of their own.

    Raises:
        InputError: if there is no such data, or it is out of reach or unusable.
    """
    name = settings.dataset
    is_folder = name.startswith((".", "/", "~")) or (os.sep in name and os.path.isdir(name))
    if settings.data_dir and (name == "digits" or is_folder):
        raise InputError(
            f"--data_dir is where TFDS keeps its data, and {name} is none of these: leave it out."
        )
    if name == "digits":
        if settings.skip_unreadable:
            raise InputError("skip_unreadable is for files, and digits has none: leave it out.")
        return _digits(settings, settings.image_size or default_size)
    if is_folder:
        root = Path(os.path.realpath(os.path.expanduser(name)))
        return folder.load(root, settings, settings.image_size or default_size)
    from train.data import tfds  # slow to import

    return tfds.load(settings, default_size)


def _digits(settings: DataSettings, size: int) -> Data:
    """UCI handwritten digits, 8x8 grey, scaled up; a fifth of each class is for testing."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    check_memory("digits", len(digits.images), (size, size, 3))
    grey = np.round(digits.images * (255 / 16)).astype(np.uint8)
    scaled = np.stack([resize(image, (size, size, 1), settings) for image in grey])
    images = np.repeat(scaled, 3, axis=3)
    train, test = hold_out(Split(images, digits.target.astype(np.int32)), TEST_SHARE)
    settings = replace(settings, image_size=size)
    return Data("digits", tuple("0123456789"), train, test, mirror=False, settings=settings)
