"""Which images an epoch shows, and how: a pure function of recipe, epoch and index, in NumPy.

Random numbers come from Philox, a counter-based generator (Salmon et al. 2011), with the seed as
key and the epoch in the counter; what only photographs draw has the index there, too. So an example
depends neither on the batch size, the number of threads, the backend, nor what was drawn before.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.framing import Frame
from train.data.colors import COLOR_DRAWS, COLORS, recolor
from train.data.crops import CROP_DRAWS, CROPS, epoch_shape, erase
from train.data.dataset import Split
from train.data.images import Shape
from train.settings.recipe import Recipe
from train.utils.threads import in_threads

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


def mix(values: np.ndarray, others: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
    """Mixup: `(1 - λ) * values + λ * others` in float32, with a λ for each of the batch."""
    lambdas = lambdas.reshape(-1, *[1] * (values.ndim - 1))
    return (1 - lambdas) * values.astype(np.float32) + lambdas * others.astype(np.float32)


def in_plan_only(recipe: Recipe) -> bool:
    """Whether nothing is drawn but a plan's crops, flips, holes and mixup: what a gather can do."""
    others = (recipe.crop != "pad", recipe.cutmix, recipe.random_erasing, _colors(recipe))
    return not any(others)


def _colors(recipe: Recipe) -> list[str]:
    return [name for name in COLORS if getattr(recipe, name)]


def augmenter(
    split: Split, recipe: Recipe, fill: np.ndarray
) -> Callable[[np.ndarray, EpochPlan], np.ndarray]:
    """A function of indices and a plan to augmented images, `(n, height, width, channels)` uint8.

    Height and width are those of `crops.epoch_shape`.

    Args:
        split: The images.
        recipe: How they are augmented.
        fill: `(channels,)` uint8, the color around an image and of what is erased: `fill_color`.

    Raises:
        InputError: if colors are to be changed, and images have none.
    """
    if (names := _colors(recipe)) and split.shape[2] != 3:
        raise InputError(f"{names[0]} is for RGB images, and these are grey: leave it at 0.")
    crop = pad_crop(split, recipe, fill) if recipe.crop == "pad" else box_crop(split, recipe)

    def look(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        images = crop(index, plan)
        if recipe.cutout:
            images[in_holes(plan.holes[index], images.shape[1:3], recipe.cutout)] = fill
        if recipe.random_erasing:
            for image, i in zip(images, index.tolist(), strict=True):
                chance, *drawn = uniforms(recipe.seed, ERASE, int(plan.number), i, 1 + CROP_DRAWS)
                if chance < recipe.random_erasing:
                    erase(image, fill, drawn)
        return images

    def some(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        images = look(index, plan)
        mixed = np.flatnonzero(plan.lambdas[index])
        if len(mixed):
            others = look(plan.partners[index[mixed]], plan)
            images[mixed] = _mixed(images[mixed], others, index[mixed], plan)
        return images

    def augment(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        return np.concatenate(in_threads(lambda part: some(part, plan), index))

    return augment


def _mixed(
    images: np.ndarray, others: np.ndarray, index: np.ndarray, plan: EpochPlan
) -> np.ndarray:
    """CutMix of images that have a box for it, mixup of all others."""
    height, width = images.shape[1:3]
    cuts = np.round(plan.cuts[index] * [height, width, height, width]).astype(int)
    boxed = plan.cuts[index, 2] > 0
    found = images.copy()
    blended = mix(images[~boxed], others[~boxed], plan.lambdas[index[~boxed]])
    found[~boxed] = np.round(blended).astype(np.uint8)
    for i in np.flatnonzero(boxed):
        top, left, bottom, right = cuts[i]
        found[i, top:bottom, left:right] = others[i, top:bottom, left:right]
    return found


def in_holes(holes, size: tuple[int, int], side, arange=np.arange):
    """Which pixels cutout hides: a square whose center is anywhere (DeVries and Taylor 2017, 3.2).

    Args:
        holes: `(n, 2)` integers, of an `EpochPlan`, of NumPy or a backend.
        size: Height and width of the images.
        side: Of the square, in pixels: a number, or a scalar of that library.
        arange: Of the same library as the holes, with their type.

    Returns:
        `(n, height, width)` booleans.
    """

    def hidden(axis: int):
        from_start = (
            arange(size[axis]) - holes[:, axis, None] * size[axis] // HOLE_STEPS + side // 2
        )
        return (from_start >= 0) & (from_start < side)

    return hidden(0)[:, :, None] & hidden(1)[:, None, :]


Look = Callable[[np.ndarray, EpochPlan], np.ndarray]


def padded(split: Split, recipe: Recipe, fill: np.ndarray) -> np.ndarray:
    """All images, in frames: `(n, height + 2 * pad, width + 2 * pad, channels)` uint8.

    Args:
        split: The images.
        recipe: Of which crop_padding and border are read.
        fill: `(channels,)` uint8, the color of a border of one.
    """
    height, width, channels = split.shape
    frame = 2 * recipe.crop_padding
    framed = np.empty((len(split), height + frame, width + frame, channels), np.uint8)
    start = 0
    for images in split.chunks():
        framed[start : start + len(images)] = _framed(images, recipe, fill)
        start += len(images)
    return framed


def _framed(images: np.ndarray, recipe: Recipe, fill: np.ndarray) -> np.ndarray:
    pad = recipe.crop_padding
    if recipe.border == "reflect":
        return np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), "reflect")
    count, height, width, channels = images.shape
    framed = np.empty((count, height + 2 * pad, width + 2 * pad, channels), np.uint8)
    framed[:] = fill
    framed[:, pad : pad + height, pad : pad + width] = images
    return framed


def pad_crop(split: Split, recipe: Recipe, fill: np.ndarray) -> Look:
    """Cropped at random from padded images, and flipped (He et al. 2015, 4.2)."""
    height, width, _ = split.shape

    def look(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        framed = _framed(split.read(index), recipe, fill)
        rows = np.arange(height) + plan.offsets[index, :1]
        columns = np.arange(width) + plan.offsets[index, 1:]
        columns = np.where(plan.mirrored[index, None], columns[:, ::-1], columns)
        images = framed[np.arange(len(index))[:, None, None], rows[:, :, None], columns[:, None, :]]
        if _colors(recipe):
            for image, i in zip(images, index.tolist(), strict=True):
                image[:] = recolor(Image.fromarray(image), recipe, color_draws(recipe, plan, i))
        return images

    return look


def box_crop(split: Split, recipe: Recipe) -> Look:
    """Parts of images as they are stored, by a row of `CROPS`: decoded where they are shown."""

    def look(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        shape = epoch_shape(recipe, split.shape, int(plan.number))
        return np.stack([one(i, plan, shape) for i in index.tolist()])

    def one(i: int, plan: EpochPlan, shape: Shape) -> np.ndarray:
        target = shape[:2]
        drawn = uniforms(recipe.seed, BOX, int(plan.number), i, CROP_DRAWS)

        def choose(rows: int, columns: int) -> Frame:
            box = CROPS[recipe.crop]((rows, columns), target, recipe, drawn)
            return Frame(box, target, (0, 0))

        image = split.images.part(int(split.rows[i]), choose, shape)
        if plan.mirrored[i]:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image = recolor(image, recipe, color_draws(recipe, plan, i))
        return np.asarray(image).reshape(shape)

    return look


def color_draws(recipe: Recipe, plan: EpochPlan, i: int) -> dict[str, list[float]]:
    """By field of the recipe that changes colors, an image's random numbers."""
    streams = {name: COLOR + place for place, name in enumerate(COLORS)}
    return {
        name: uniforms(recipe.seed, streams[name], int(plan.number), i, COLOR_DRAWS)
        for name in _colors(recipe)
    }
