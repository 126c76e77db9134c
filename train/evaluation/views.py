"""Views, or test-time augmentation: several looks at one image, whose predictions are averaged.

The mean is that of logarithms, as recipes for 94 % of CIFAR-10 average logits (Jordan 2024,
https://arxiv.org/abs/2404.00498, 3.5); members of an ensemble are averaged as probabilities.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import softmax

from keras_resnet.utils.errors import InputError, lookup
from train.data.dataset import Split
from train.data.indexed import scaled_shape
from train.utils.probabilities import SMALLEST

Move = Callable[[Split, float], np.ndarray]


class Glimpse(NamedTuple):
    """One look at an image."""

    move: str = "whole"  # a key of `MOVES`
    mirrored: bool = False
    scale: float = 1.0  # side of the image in sides of the network's


View = dict[Glimpse, float]  # how much each look counts


def _both(weight: float, move: str = "whole") -> View:
    """The image and its mirror image."""
    return {Glimpse(move): weight, Glimpse(move, True): weight}


def _shift(rows: int, columns: int) -> Move:
    """The image moved by some pixels; those that come in are reflected."""

    def move(split, scale):
        images = split.read(scale=scale)
        framed = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
        height, width = images.shape[1:3]
        top, left = 1 + rows, 1 + columns
        return framed[:, top : top + height, left : left + width]

    return move


LARGER = 8 / 7  # 256 pixels for a network of 224, as in AlexNet's ten crops


def _crop(top: float, left: float) -> Move:
    """A part as large as the network's images of a larger one; 0, 0 is its upper left."""

    def move(split, scale):
        height, width = scaled_shape(split.shape, scale)[:2]
        larger = split.read(scale=scale * LARGER, wider=True)
        y = round(top * (larger.shape[1] - height))
        x = round(left * (larger.shape[2] - width))
        return larger[:, y : y + height, x : x + width]

    return move


MOVES: dict[str, Move] = {
    "whole": lambda split, scale: split.read(scale=scale),
    "up_left": _shift(-1, -1),
    "down_right": _shift(1, 1),
    "top_left": _crop(0, 0),
    "top_right": _crop(0, 1),
    "bottom_left": _crop(1, 0),
    "bottom_right": _crop(1, 1),
    "center": _crop(0.5, 0.5),
}
CROPS = ("top_left", "top_right", "bottom_left", "bottom_right", "center")
SCALES = (7 / 8, 1.0, 8 / 7)

VIEWS: dict[str, View] = {
    "one": {Glimpse(): 1.0},
    "mirror": _both(1 / 2),
    "six": _both(1 / 4) | _both(1 / 8, "up_left") | _both(1 / 8, "down_right"),
    "ten": {look: weight for crop in CROPS for look, weight in _both(1 / 10, crop).items()},
    # Fully convolutional, as He et al. 2015, 3.4.
    "scales": {Glimpse(scale=scale): 1 / len(SCALES) for scale in SCALES},
}


class Scalable(Protocol):
    """What predicts images of its own size, and perhaps of others."""

    @property
    def name(self) -> str:
        """For messages."""

    def predictor(self, scale: float) -> Callable[[np.ndarray], np.ndarray]:
        """From raw images of so many times its size to `(n, classes)` probabilities.

        Raises:
            InputError: if it takes images of its own size only.
        """


class Priced(Protocol):
    """What has a price for each image."""

    def macs_at(self, scale: float) -> int | None:
        """Multiply-accumulates for one image of so many times its size, if known."""


def check(names: Sequence[str], mirror: bool, data: str) -> list[str]:
    """The views asked for, each once, and `one`, which is always scored.

    Args:
        names: Keys of `VIEWS`.
        mirror: Whether a mirror image is of the same class.
        data: Name of the data, for the message.

    Raises:
        InputError: if there is no such view, or it has mirror images of signs.
    """
    for name in names:
        looks = lookup(VIEWS, name, "view")
        if not mirror and any(look.mirrored for look in looks):
            plain = [view for view in VIEWS if not any(look.mirrored for look in VIEWS[view])]
            raise InputError(
                f"view {name!r} has mirror images, and those of {data} are of other classes: "
                f"choose of {', '.join(plain)}."
            )
    return list(dict.fromkeys([*names, "one"]))


def by_view(subject: Scalable, images: Split, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The `(n, classes)` probabilities by each view; a look that several have is taken once.

    Args:
        subject: What predicts.
        images: That it looks at, of its own size. Photographs are read anew for every size, so that
            a larger one has more detail.
        names: Keys of `VIEWS`.
    """
    logits: dict[Glimpse, np.ndarray] = {}
    for look in (look for name in names for look in VIEWS[name]):
        if look not in logits:
            seen = MOVES[look.move](images, look.scale)
            seen = seen[:, :, ::-1] if look.mirrored else seen
            logits[look] = np.log(np.maximum(subject.predictor(look.scale)(seen), SMALLEST))
    return {
        name: softmax(sum(weight * logits[look] for look, weight in VIEWS[name].items()), -1)
        for name in names
    }


def macs(subject: Priced, name: str) -> int | None:
    """The multiply-accumulates for one image by a view, if known."""
    costs = [subject.macs_at(look.scale) for look in VIEWS[name]]
    return None if None in costs else sum(costs)  # type: ignore[arg-type]
