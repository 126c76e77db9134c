"""Which images an epoch shows, and how: a pure function of (seed, epoch, index), in NumPy.

Random numbers come from Philox, a counter-based generator (Salmon et al. 2011), with the seed as
key and the epoch in the counter. So an example depends on nothing else, neither on the batch size,
the number of threads, the backend, nor what was drawn before.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from train.data.dataset import Split
from train.settings.recipe import Recipe

ORDER, CROP, FLIP, PARTNER, SHARE = range(5)  # independent streams of random numbers


class EpochPlan(NamedTuple):
    """What an epoch draws for `n` images."""

    order: np.ndarray  # (n,) int64, the images in the order in which they are shown
    offsets: np.ndarray  # (n, 2) int64, top and left of an image's crop in its padded frame
    mirrored: np.ndarray  # (n,) bool, whether it is flipped from left to right
    partners: np.ndarray  # (n,) int64, the image that is mixed into it
    shares: np.ndarray  # (n,) float32, that one's share


def random_bits(seed: int, stream: int, epoch: int, count: int) -> np.ndarray:
    """Random uint64 numbers of a stream of an epoch under a seed."""
    return np.random.Philox(key=seed, counter=[0, 0, stream, epoch]).random_raw(count)


def random_ints(seed: int, stream: int, epoch: int, count: int, limit: int) -> np.ndarray:
    """Random int64 numbers from 0 to below a limit of at most 2**32."""
    high = random_bits(seed, stream, epoch, count) >> np.uint64(32)
    return ((high * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def epoch_plan(recipe: Recipe, count: int, epoch: int) -> EpochPlan:
    """Draws all that an epoch decides.

    Args:
        recipe: Of which seed, crop_padding, flip, mixup and augmentation_pool are read.
        count: Number of images.
        epoch: Its number, from 0. With an augmentation pool, augmentations are used cyclically.
    """
    seed, view = recipe.seed, pool_index(recipe, epoch)
    offsets = random_ints(seed, CROP, view, 2 * count, 2 * recipe.crop_padding + 1)
    # Alternating: drawn once, for all epochs. Every image is seen in both ways, and equally
    # often, which saves epochs (https://arxiv.org/abs/2404.00498).
    flips = {
        "none": lambda: np.zeros(count, np.int64),
        "random": lambda: random_ints(seed, FLIP, view, count, 2),
        "alternating": lambda: (random_ints(seed, FLIP, 0, count, 2) + view) % 2,
    }
    steps = 2**20
    shares = random_ints(seed, SHARE, view, count, steps).astype(np.float32)
    return EpochPlan(
        order=np.argsort(random_bits(seed, ORDER, epoch, count), kind="stable"),
        offsets=offsets.reshape(count, 2),
        mirrored=flips[recipe.flip]() == 1,
        partners=random_ints(seed, PARTNER, view, count, count),
        shares=shares * np.float32(recipe.mixup / steps),
    )


def pool_index(recipe: Recipe, epoch: int) -> int:
    """The augmentation of an epoch: itself, or its place in the pool."""
    return epoch % recipe.augmentation_pool if recipe.augmentation_pool else epoch


def mix(values: np.ndarray, others: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The mean of two float32 batches, weighted by `(batch,)` shares of the others."""
    shares = shares.reshape(-1, *[1] * (values.ndim - 1))
    return (1 - shares) * values.astype(np.float32) + shares * others.astype(np.float32)


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
        frame = np.empty((len(index), height + 2 * pad, width + 2 * pad, channels), np.uint8)
        frame[:] = fill
        frame[:, pad : pad + height, pad : pad + width] = split.read(index)
        rows = np.arange(height) + plan.offsets[index, :1]
        columns = np.arange(width) + plan.offsets[index, 1:]
        columns = np.where(plan.mirrored[index, None], columns[:, ::-1], columns)
        return frame[np.arange(len(index))[:, None, None], rows[:, :, None], columns[:, None, :]]

    def augment(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        images = crop_and_flip(index, plan)
        if not recipe.mixup:
            return images
        others = crop_and_flip(plan.partners[index], plan)
        return np.round(mix(images, others, plan.shares[index])).astype(np.uint8)

    return augment
