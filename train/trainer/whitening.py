"""A first convolution that whitens patches of images, and does not learn (Jordan 2024, 3.2).

What all patches share, their brightness above all, is much larger than what tells them apart. On
directions of equal variance every later layer learns faster (https://arxiv.org/abs/2404.00498).
"""

import keras
import numpy as np

from keras_resnet.utils.errors import InputError
from train.data.dataset import Split, fixed_subset
from train.data.statistics import Normalization

IMAGES = 1000  # whose patches are looked at: 900,000 of 32x32 pixels
LEAST = 5e-4  # added to variances, which noise alone may have: as airbench94 does


def first_convolution(model: keras.Model) -> keras.layers.Conv2D:
    """The first convolution of a network."""
    return next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))


def whiten(model: keras.Model, images: Split, scale: Normalization) -> None:
    """Sets the first convolution's kernel: principal directions of patches, each with its opposite.

    A ReLU keeps one side of each. Their order is that of variance, the largest first.

    Args:
        model: Of which only that kernel is changed.
        images: The training images.
        scale: What is done to them before.

    Raises:
        InputError: if that has more filters than there are directions and opposites.
    """
    layer = first_convolution(model)
    kernel, *others = layer.get_weights()
    height, width, channels, filters = kernel.shape
    values = height * width * channels
    if filters > 2 * values:
        raise InputError(
            f"whitened_stem gives a first convolution at most {2 * values} filters, the directions "
            f"of {height}x{width} patches with their opposites, and this one has {filters}: "
            "give --stem=early, which begins with few."
        )
    variances, directions = np.linalg.eigh(_covariance(images, scale, height, width))
    rows = (directions / np.sqrt(variances + LEAST)).T[::-1]
    pairs = np.stack([rows, -rows], 1).reshape(2 * values, height, width, channels)
    kernel = np.moveaxis(pairs[:filters], 0, -1).astype(kernel.dtype)
    layer.set_weights([kernel, *others])


def _covariance(images: Split, scale: Normalization, height: int, width: int) -> np.ndarray:
    """`(values, values)` float64, of all patches of some images: the mean of their products."""
    total, count = np.zeros(()), 0
    for row in fixed_subset(len(images), IMAGES):
        image = (images.read(np.array([row]))[0] - scale.mean) / scale.std
        patches = np.lib.stride_tricks.sliding_window_view(image, (height, width), (0, 1))
        patches = np.moveaxis(patches, 2, -1).reshape(-1, height * width * image.shape[2])
        total, count = total + patches.T @ patches, count + len(patches)
    return total / count
