"""How images look in an epoch: what was drawn, applied to their pixels, in NumPy."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.framing import Frame
from train.data.colors import COLOR_DRAWS, COLORS, recolor
from train.data.crops import CROP_DRAWS, CROPS, epoch_shape, erase
from train.data.dataset import Split
from train.data.draws import BOX, COLOR, ERASE, HOLE_STEPS, EpochPlan, uniforms
from train.data.images import Shape
from train.settings.recipe import Recipe
from train.utils.threads import in_threads

Look = Callable[[np.ndarray, EpochPlan], np.ndarray]  # of indices: images as an epoch shows them


def mix(values: np.ndarray, others: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
    """Mixup: `(1 - λ) * values + λ * others` in float32, with a λ for each of the batch."""
    lambdas = lambdas.reshape(-1, *[1] * (values.ndim - 1))
    return (1 - lambdas) * values.astype(np.float32) + lambdas * others.astype(np.float32)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """`(n, classes)` float32, 1 for the class of a label."""
    return np.eye(classes, dtype=np.float32)[labels]


def mixed_labels(
    split: Split, recipe: Recipe, classes: int, index: np.ndarray, plan: EpochPlan
) -> np.ndarray:
    """Targets of images as a plan mixes them: `(n, classes)` float32, one-hot but for that."""
    own = one_hot(split.labels[index], classes)
    if not (recipe.mixup or recipe.cutmix):
        return own
    partners = one_hot(split.labels[plan.partners[index]], classes)
    return mix(own, partners, plan.lambdas[index])


def in_plan_only(recipe: Recipe) -> bool:
    """Whether nothing is drawn but a plan's crops, flips, holes and mixup: what a gather can do."""
    others = (recipe.crop != "pad", recipe.cutmix, recipe.random_erasing, _colors(recipe))
    return not any(others)


def _colors(recipe: Recipe) -> list[str]:
    return [name for name in COLORS if getattr(recipe, name)]


def augmenter(split: Split, recipe: Recipe, fill: np.ndarray) -> Look:
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
