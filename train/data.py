"""Labelled images, whole in memory, and what is computed from them."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from keras_resnet.errors import InputError


class Split(NamedTuple):
    """Some labelled images."""

    images: np.ndarray  # (n, height, width, channels) uint8
    labels: np.ndarray  # (n,) int32, indices of class names


@dataclass(frozen=True)
class Data:
    """A data set for image classification.

    Raises:
        InputError: if a split has no images or ones that are not uint8 of 1 or 3 channels, or a
            label has no class name.
    """

    name: str
    classes: tuple[str, ...]  # names, in the order of the labels
    train: Split
    test: Split
    mirror: bool = True  # whether a mirror image is of the same class

    def __post_init__(self) -> None:
        for name, split in (("training", self.train), ("test", self.test)):
            if not len(split.images):
                raise InputError(f"{self.name} has no {name} images.")
            if split.images.dtype != np.uint8 or split.images.shape[3:] not in ((1,), (3,)):
                raise InputError(
                    f"{self.name} has images of {split.images.dtype} and shape "
                    f"{split.images.shape[1:]}; they must be uint8, grey or RGB."
                )
            wrong = split.labels[(split.labels < 0) | (split.labels >= len(self.classes))]
            if len(wrong):
                raise InputError(
                    f"{self.name} has {name} images with label {wrong[0]}; with "
                    f"{len(self.classes)} classes, labels go from 0 to {len(self.classes) - 1}."
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.train.images.shape[1:]

    def fingerprint(self) -> str:
        """SHA-256 of class names, shapes, images and labels: equal only for the same data."""
        shapes = [array.shape for array in (*self.train, *self.test)]
        digest = hashlib.sha256(repr((self.classes, shapes)).encode())
        for array in (*self.train, *self.test):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def hold_out(split: Split, fraction: float) -> tuple[Split, Split]:
    """Divides a split at random, evenly over the classes and always in the same way.

    Args:
        split: The images to divide.
        fraction: How many of them go to the second part, 0 to 1.

    Returns:
        The two parts, each in the original order.
    """
    count = len(split.labels)
    order = np.random.default_rng(0).permutation(count)
    order = order[np.argsort(split.labels[order], kind="stable")]
    held = np.zeros(count, bool)
    size = round(count * fraction)
    held[order[np.arange(size) * count // max(size, 1)]] = True
    return Split(*(part[~held] for part in split)), Split(*(part[held] for part in split))


def some(count: int, most: int) -> np.ndarray:
    """Indices of at most so many of some things, drawn at random but always the same, in order."""
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, on the scale of 0 to 255."""
    # Exact sums over the 256 possible values, without a float copy of all images.
    values = np.arange(256.0)
    counts = [np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(images, -1, 0)]
    means = [float(count @ values / count.sum()) for count in counts]
    pairs = zip(counts, means, strict=True)
    deviations = [
        float(np.sqrt(count @ (values - mean) ** 2 / count.sum())) for count, mean in pairs
    ]
    # A channel that never varies would be divided by zero.
    return means, [deviation or 1.0 for deviation in deviations]
