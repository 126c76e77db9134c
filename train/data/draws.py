"""What an epoch draws: a pure function of recipe, epoch and index, in NumPy.

Random numbers come from Philox, a counter-based generator (Salmon et al. 2011), with the seed as
key and the epoch in the counter; what only photographs draw has the index there, too. So an example
depends neither on the batch size, the number of threads, the backend, nor what was drawn before.
"""

from typing import NamedTuple

import numpy as np

from train.settings.recipe import Recipe

# Independent streams of random numbers; those of colors follow.
ORDER, CROP, FLIP, PARTNER, LAMBDA, CUT, BOX, ERASE, COLOR = range(9)
HOLE = 16
HOLE_STEPS = 2**16  # whole numbers are the same with every backend


class EpochPlan(NamedTuple):
    """What an epoch draws for `n` images; all but the order is by the index of an image."""

    number: np.ndarray  # () int64, of the augmentation: the epoch, or its place in the pool
    order: np.ndarray  # (n,) int64, the images in the order in which they are shown
    offsets: np.ndarray  # (n, 2) int64, top and left of an image's crop in the padded image
    mirrored: np.ndarray  # (n,) bool, whether it is flipped from left to right
    partners: np.ndarray  # (n,) int64, the image that mixup or CutMix mixes into it
    lambdas: np.ndarray  # (n,) float32, the share of that one, in [0, recipe.mixup) of mixup
    cuts: np.ndarray  # (n, 4) float32, top, left, bottom, right of its box, 0 to 1; else zeros
    holes: np.ndarray  # (n, 2) int64, row and column of cutout's center, in HOLE_STEPS of a side


def random_bits(seed: int, stream: int, epoch: int, count: int) -> np.ndarray:
    """`(count,)` uint64: all bits are random, and of their own for each stream and epoch."""
    return np.random.Philox(key=seed, counter=[0, 0, stream, epoch]).random_raw(count)


def random_ints(seed: int, stream: int, epoch: int, count: int, limit: int) -> np.ndarray:
    """`(count,)` int64, uniform from 0 to below a limit of at most 2**32."""
    high = random_bits(seed, stream, epoch, count) >> np.uint64(32)
    return ((high * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def uniforms(seed: int, stream: int, epoch: int, index: int, count: int) -> list[float]:
    """So many numbers, uniform in [0, 1), that are an image's own."""
    counter = np.array([0, index + 1, stream, epoch], np.uint64)  # index 0 is `random_bits`
    key = np.array([seed, 0], np.uint64)
    bits = np.random.Philox(key=key, counter=counter).random_raw(count)
    return ((bits >> np.uint64(11)) * 2.0**-53).tolist()


def epoch_plan(recipe: Recipe, count: int, epoch: int) -> EpochPlan:
    """Draws all that an epoch decides.

    Args:
        recipe: Of which seed, crop_padding, flip, mixup, cutmix and augmentation_pool are read.
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
    cuts = _cuts(recipe, count, index)
    cut = cuts[:, 2] > 0
    areas = (cuts[:, 2] - cuts[:, 0]) * (cuts[:, 3] - cuts[:, 1])
    return EpochPlan(
        number=np.array(index),
        order=np.argsort(random_bits(seed, ORDER, epoch, count), kind="stable"),
        offsets=offsets.reshape(count, 2),
        mirrored=flips[recipe.flip]() == 1,
        partners=random_ints(seed, PARTNER, index, count, count),
        lambdas=np.where(cut, areas, lambdas * np.float32(recipe.mixup / steps)),
        cuts=cuts,
        holes=random_ints(seed, HOLE, index, 2 * count, HOLE_STEPS).reshape(count, 2),
    )


def _cuts(recipe: Recipe, count: int, index: int) -> np.ndarray:
    """The boxes of CutMix (Yun et al. 2019, 3.1): their area is uniform, but for the clipping."""
    if not recipe.cutmix:
        return np.zeros((count, 4), np.float32)
    bits = random_bits(recipe.seed, CUT, index, 4 * count).reshape(count, 4)
    drawn = ((bits >> np.uint64(40)) * 2.0**-24).astype(np.float32)
    half = np.sqrt(drawn[:, 1:2]) / 2
    corners = np.concatenate([drawn[:, 2:] - half, drawn[:, 2:] + half], axis=1)
    return np.where(drawn[:, :1] < recipe.cutmix, np.clip(corners, 0, 1), 0).astype(np.float32)


def pool_index(recipe: Recipe, epoch: int) -> int:
    """The augmentation of an epoch: itself, or its place in the pool."""
    return epoch % recipe.augmentation_pool if recipe.augmentation_pool else epoch
