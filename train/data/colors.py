"""How an epoch changes the colors of an image: affine maps of RGB, applied together, once."""

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from PIL import Image

from train.settings.recipe import Recipe

GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as fb.resnet.torch has it
# Principal components of ImageNet's colors, 0 to 1, in columns, and the roots of their variances:
# fb.resnet.torch, datasets/imagenet.lua.
EIGENVALUES = np.array([0.2175, 0.0188, 0.0045])
EIGENVECTORS = np.array([
    [-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203],
])  # fmt: skip
NORMAL = NormalDist()


class Affine(NamedTuple):
    """`matrix @ pixel + term` of each pixel, 0 to 255."""

    matrix: np.ndarray  # (3, 3)
    term: np.ndarray  # (3,)

    def then(self, other: "Affine") -> "Affine":
        """The map that is this one, then another."""
        return Affine(other.matrix @ self.matrix, other.matrix @ self.term + other.term)


IDENTITY = Affine(np.eye(3), np.zeros(3))
Draws = Sequence[float]  # `COLOR_DRAWS` numbers, uniform in [0, 1)
COLOR_DRAWS = 4


def brightness(share: float, mean: np.ndarray) -> Affine:
    """Blends with black."""
    return Affine(share * np.eye(3), np.zeros(3))


def contrast(share: float, mean: np.ndarray) -> Affine:
    """Blends with the mean grey of the image."""
    return Affine(share * np.eye(3), np.full(3, (1 - share) * (GREY @ mean)))


def saturation(share: float, mean: np.ndarray) -> Affine:
    """Blends with the grey of each pixel."""
    return Affine(share * np.eye(3) + (1 - share) * np.tile(GREY, (3, 1)), np.zeros(3))


BLENDS = (brightness, contrast, saturation)
ORDERS = list(permutations(range(len(BLENDS))))


def jitter(strength: float, mean: np.ndarray, drawn: Draws) -> Affine:
    """Brightness, contrast and saturation, each by a factor of `1 ± strength`, in random order.

    As in fb.resnet.torch, datasets/transforms.lua.
    """
    found = IDENTITY
    for which in ORDERS[int(drawn[3] * len(ORDERS))]:
        share = 1 + (2 * drawn[which] - 1) * strength
        found = found.then(BLENDS[which](share, found.matrix @ mean + found.term))
    return found


def lighting(strength: float, mean: np.ndarray, drawn: Draws) -> Affine:
    """Adds the principal components of ImageNet's colors, each by a normal number of this std.

    AlexNet: Krizhevsky et al. 2012, 4.1.
    """
    alphas = strength * np.array([NORMAL.inv_cdf(max(number, 2.0**-53)) for number in drawn[:3]])
    return Affine(np.eye(3), 255 * (EIGENVECTORS @ (alphas * EIGENVALUES)))


# By field of the recipe, which is the strength; applied in this order, as in fb.resnet.torch.
COLORS: dict[str, Callable[[float, np.ndarray, Draws], Affine]] = {
    "color_jitter": jitter,
    "lighting": lighting,
}


def recolor(image: Image.Image, recipe: Recipe, drawn: Mapping[str, Draws]) -> Image.Image:
    """Changes the colors of an RGB image.

    Args:
        image: The image.
        recipe: Of which the fields of `COLORS` are read.
        drawn: By field that is not 0, random numbers.
    """
    if not drawn:
        return image
    found, mean = IDENTITY, _mean(image)
    for name, numbers in drawn.items():
        seen = found.matrix @ mean + found.term
        found = found.then(COLORS[name](getattr(recipe, name), seen, numbers))
    return image.convert("RGB", tuple(np.c_[found.matrix, found.term].ravel().tolist()))


def _mean(image: Image.Image) -> np.ndarray:
    """The mean color: sums of whole numbers, column by column, are sixteen times as fast."""
    columns = np.asarray(image).reshape(image.height, -1).sum(0, dtype=np.uint32)
    return columns.reshape(image.width, 3).sum(0) / (image.width * image.height)
