"""Which part of an image an epoch shows: boxes of random place, size and proportions.

A box is in pixels of the image as it is stored, so that only what is shown is decoded and resized,
once.
"""

from collections.abc import Callable, Sequence
from math import exp, log, sqrt

import numpy as np

from keras_resnet.utils.framing import Box
from train.data.images import Shape
from train.settings.recipe import Recipe

GROWN = 0.8  # of the training, when images have their last size: MosaicML's progressive resizing
# Sides of training images are multiples of these, so that few programs are compiled.
GRID, FINE_GRID, FINE = 16, 4, 64  # of images of a side from `FINE` on, and of smaller ones
TRIES = 10  # as many as fb.resnet.torch and torchvision take

Size = tuple[int, int]  # height and width
Crop = Callable[[Size, Size, Recipe, Sequence[float]], Box]


def epoch_shape(recipe: Recipe, shape: Shape, epoch: int) -> Shape:
    """The shape of training images in an epoch: progressive resizing (Howard 2018, DAWNBench).

    Args:
        recipe: Of which epochs, first_size and last_size are read.
        shape: Of the images of the data.
        epoch: From 0.
    """
    if not recipe.resizes:
        return shape
    grown = min(1.0, epoch / (GROWN * recipe.epochs))
    scale = recipe.first_size + grown * (recipe.last_size - recipe.first_size)
    if scale == 1:
        return shape
    height, width = (_on_grid(side, side * scale) for side in shape[:2])
    return height, width, shape[2]


def _on_grid(side: int, wanted: float) -> int:
    grid = GRID if side >= FINE else FINE_GRID
    return min(side, max(grid, grid * round(wanted / grid)))


def scale_crop(size: Size, target: Size, recipe: Recipe, drawn: Sequence[float]) -> Box:
    """Resized to a random short side, then cropped at random (He et al. 2015, 3.4).

    Args:
        size: Of the image.
        target: What the box is resized to.
        recipe: Of which min_scale and max_scale are read: short sides in those of the target.
        drawn: `CROP_DRAWS` numbers, uniform in [0, 1).
    """
    short = recipe.min_scale + drawn[0] * (recipe.max_scale - recipe.min_scale)
    times = min(size[0] / target[0], size[1] / target[1]) / short
    return _place(size, (target[0] * times, target[1] * times), drawn[1:])


def area_crop(size: Size, target: Size, recipe: Recipe, drawn: Sequence[float]) -> Box:
    """A part of random area and proportions (GoogLeNet: Szegedy et al. 2015, 6; fb.resnet.torch).

    Args:
        size: Of the image.
        target: What the box is resized to.
        recipe: Of which min_area and max_aspect are read.
        drawn: `CROP_DRAWS` numbers, uniform in [0, 1).
    """
    height, width = size
    for attempt in range(TRIES):
        share, shape = drawn[2 + 2 * attempt : 4 + 2 * attempt]
        area = height * width * (recipe.min_area + share * (1 - recipe.min_area))
        aspect = exp((2 * shape - 1) * log(recipe.max_aspect))
        wanted = sqrt(area / aspect), sqrt(area * aspect)
        if wanted[0] <= height and wanted[1] <= width:
            return _place(size, wanted, drawn)
    # In a very long image nothing fits: the largest part in the middle that is not too long.
    wanted = min(height, width * recipe.max_aspect), min(width, height * recipe.max_aspect)
    return _place(size, wanted, (0.5, 0.5))


def _place(size: Size, wanted: Sequence[float], drawn: Sequence[float]) -> Box:
    """A box of a height and a width at a place that two numbers say."""
    top, left = drawn[0] * (size[0] - wanted[0]), drawn[1] * (size[1] - wanted[1])
    return Box(left, top, left + wanted[1], top + wanted[0])


CROP_DRAWS = 2 + 2 * TRIES
CROPS: dict[str, Crop] = {"scale": scale_crop, "area": area_crop}


def erase(image: np.ndarray, fill: np.ndarray, drawn: Sequence[float]) -> None:
    """Fills a random part of an image in place (random erasing: Zhong et al. 2020).

    Args:
        image: `(height, width, channels)` uint8.
        fill: `(channels,)` uint8.
        drawn: `CROP_DRAWS` numbers, uniform in [0, 1).
    """
    height, width, _ = image.shape
    for attempt in range(TRIES):
        share, shape = drawn[2 + 2 * attempt : 4 + 2 * attempt]
        area = height * width * (LEAST_ERASED + share * (MOST_ERASED - LEAST_ERASED))
        aspect = exp((2 * shape - 1) * log(LONGEST_ERASED))
        rows, columns = round(sqrt(area / aspect)), round(sqrt(area * aspect))
        if rows < height and columns < width:
            top, left = int(drawn[0] * (height - rows + 1)), int(drawn[1] * (width - columns + 1))
            image[top : top + rows, left : left + columns] = fill
            return


# Zhong et al. 2020, 4.1: shares of the area, and proportions from 0.3 to 1 / 0.3.
LEAST_ERASED, MOST_ERASED, LONGEST_ERASED = 0.02, 0.4, 1 / 0.3
