"""Which images an epoch shows, and how: a pure function of recipe, epoch and index, in NumPy.

Random numbers come from Philox, a counter-based generator (Salmon et al. 2011), with the seed as
key and the epoch in the counter. So an example depends neither on the batch size, the number of
threads, the backend, nor what was drawn before.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from train.data.dataset import Split
from train.settings.recipe import Recipe

ORDER, CROP, FLIP, PARTNER, LAMBDA = range(5)  # independent streams of random numbers


class EpochPlan(NamedTuple):
    """What an epoch draws for `n` images; all but the order is by the index of an image."""

    order: np.ndarray  # (n,) int64, the images in the order in which they are shown
    offsets: np.ndarray  # (n, 2) int64, top and left of an image's crop in the padded image
    mirrored: np.ndarray  # (n,) bool, whether it is flipped from left to right
    partners: np.ndarray  # (n,) int64, the image that mixup mixes into it
    lambdas: np.ndarray  # (n,) float32, the share of that one, uniform in [0, recipe.mixup)


def random_bits(seed: int, stream: int, epoch: int, count: int) -> np.ndarray:
    """`(count,)` uint64: all bits are random, and of their own for each stream and epoch."""
    return np.random.Philox(key=seed, counter=[0, 0, stream, epoch]).random_raw(count)


def random_ints(seed: int, stream: int, epoch: int, count: int, limit: int) -> np.ndarray:
    """`(count,)` int64, uniform from 0 to below a limit of at most 2**32."""
    high = random_bits(seed, stream, epoch, count) >> np.uint64(32)
    return ((high * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def epoch_plan(recipe: Recipe, count: int, epoch: int) -> EpochPlan:
    """Draws all that an epoch decides.

    Args:
        recipe: Of which seed, crop_padding, flip, mixup and augmentation_pool are read.
        count: Number of images.
        epoch: Its number, from 0. With an augmentation pool, augmentations are used cyclically.
    """
    seed, index = recipe.seed, pool_index(recipe, epoch)
    offsets = random_ints(seed, CROP, index, 2 * count, 2 * recipe.crop_padding + 1)
    # Alternating: drawn once, for all epochs. In an even number of epochs
    # each image is seen equally often in both ways, which saves epochs (https://arxiv.org/abs/2404.00498).
    flips = {
        "none": lambda: np.zeros(count, np.int64),
        "random": lambda: random_ints(seed, FLIP, index, count, 2),
        "alternating": lambda: (random_ints(seed, FLIP, 0, count, 2) + index) % 2,
    }
    steps = 2**20
    lambdas = random_ints(seed, LAMBDA, index, count, steps).astype(np.float32)
    return EpochPlan(
        order=np.argsort(random_bits(seed, ORDER, epoch, count), kind="stable"),
        offsets=offsets.reshape(count, 2),
        mirrored=flips[recipe.flip]() == 1,
        partners=random_ints(seed, PARTNER, index, count, count),
        lambdas=lambdas * np.float32(recipe.mixup / steps),
    )


def pool_index(recipe: Recipe, epoch: int) -> int:
    """The augmentation of an epoch: itself, or its place in the pool."""
    return epoch % recipe.augmentation_pool if recipe.augmentation_pool else epoch


def mix(values: np.ndarray, others: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
    """Mixup: `(1 - λ) * values + λ * others` in float32, with a λ for each of the batch."""
    lambdas = lambdas.reshape(-1, *[1] * (values.ndim - 1))
    return (1 - lambdas) * values.astype(np.float32) + lambdas * others.astype(np.float32)


def augmenter(
    split: Split, recipe: Recipe, fill: np.ndarray
) -> Callable[[np.ndarray, EpochPlan], np.ndarray]:
    """A function of indices and a plan to augmented images, `(n, height, width, channels)` uint8.

    Args:
        split: The images.
        recipe: Of which crop_padding and mixup are read.
        fill: `(channels,)` uint8, the color around an image: their mean, which is zero once
            normalized, as in He et al. 2015, 4.2.
    """
    height, width, channels = split.shape
    pad = recipe.crop_padding

    def crop_and_flip(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        padded = np.empty((len(index), height + 2 * pad, width + 2 * pad, channels), np.uint8)
        padded[:] = fill
        padded[:, pad : pad + height, pad : pad + width] = split.read(index)
        rows = np.arange(height) + plan.offsets[index, :1]
        columns = np.arange(width) + plan.offsets[index, 1:]
        columns = np.where(plan.mirrored[index, None], columns[:, ::-1], columns)
        return padded[np.arange(len(index))[:, None, None], rows[:, :, None], columns[:, None, :]]

    def augment(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        images = crop_and_flip(index, plan)
        if not recipe.mixup:
            return images
        others = crop_and_flip(plan.partners[index], plan)
        return np.round(mix(images, others, plan.lambdas[index])).astype(np.uint8)

    return augment
