"""What is computed from the pixels and the labels of a split: mean, deviation, color, weights."""

from typing import NamedTuple

import numpy as np

from train.data.dataset import Split, fixed_subset

SAMPLE = 1000  # images whose statistics stand for those of all


class Normalization(NamedTuple):
    """What a model subtracts from each channel of an image, 0 to 255, and divides it by then."""

    mean: list[float]
    std: list[float]


def statistics(split: Split) -> Normalization:
    """Mean and standard deviation of each channel, 0 to 255.

    Of images in files, at most `SAMPLE` are looked at, always the same, whether memory holds all
    of them or not: the mean is then within about 1 of 255 of that of all, where photographs differ
    by 30 among themselves.
    """
    if split.digests is not None or not split.in_memory:
        split = split.subset(fixed_subset(len(split), SAMPLE))
    # Exact sums over the 256 possible values, without a float copy of all images.
    values = np.arange(256.0)
    counts = np.zeros((split.shape[2], 256), np.int64)
    for images in split.chunks():
        for count, channel in zip(counts, np.moveaxis(images, -1, 0), strict=True):
            count += np.bincount(channel.ravel(), minlength=256)
    means = [float(count @ values / count.sum()) for count in counts]
    pairs = zip(counts, means, strict=True)
    stds = [float(np.sqrt(count @ (values - mean) ** 2 / count.sum())) for count, mean in pairs]
    # A channel that never varies would be divided by zero.
    return Normalization(means, [std or 1.0 for std in stds])


def fill_color(split: Split) -> np.ndarray:
    """The mean color of images, `(channels,)` uint8: zero once normalized (He et al. 2015, 4.2)."""
    return np.round(statistics(split).mean).astype(np.uint8)


def balanced_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """What an image of each class counts if all classes are to count alike: 1 in the mean.

    Returns:
        `(classes,)` float32.
    """
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))).astype(np.float32)
