"""What there is to know about images before a network sees them: counts, duplicates, a batch."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from train.data.augment import augmenter
from train.data.dataset import CHUNK, Data, Split, fixed_subset
from train.data.draws import epoch_plan
from train.data.statistics import fill_color
from train.settings.recipe import Recipe

BATCH = 32  # images of a batch that are shown


class Duplicate(NamedTuple):
    """Two images that are equal, pixel for pixel."""

    splits: tuple[str, str]
    places: tuple[int, int]  # in the two splits
    labels: tuple[int, int]

    @property
    def contradicts(self) -> bool:
        """Whether the two have different labels."""
        return self.labels[0] != self.labels[1]


def counts(data: Data, held_out: float) -> dict[str, list[int]]:
    """The number of images of each class, by split; `held_out` is a fraction of the training's."""
    images, validation = data.hold_out(held_out)
    splits = {"training": images, "held out": validation, "test": data.test}
    classes = len(data.classes)
    return {
        name: np.bincount(split.labels, minlength=classes).tolist()
        for name, split in splits.items()
        if len(split)
    }


def duplicates(data: Data) -> list[Duplicate]:
    """Each image that is there already, and the first one that it equals."""
    first: dict[bytes, tuple[str, int, int]] = {}
    found = []
    for here in (*_digests("training", data.train), *_digests("test", data.test)):
        digest, name, place, label = here
        seen = first.setdefault(digest, (name, place, label))
        if seen != (name, place, label):
            found.append(Duplicate((seen[0], name), (seen[1], place), (seen[2], label)))
    return found


def _digests(name: str, split: Split) -> Iterator[tuple[bytes, str, int, int]]:
    place = 0
    for images in split.chunks():
        for image in images:
            digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
            yield digest, name, place, int(split.labels[place])
            place += 1


def augmented_batch(data: Data, recipe: Recipe) -> np.ndarray:
    """The first images of the first epoch as the network sees them: `(n, h, w, channels)` uint8.

    Normalization follows; it changes numbers, and nothing that an eye would see.
    """
    images, _ = data.hold_out(recipe.validation_fraction)
    plan = epoch_plan(recipe, len(images), 0)
    # Of some images only: to the eye the margin is the same, and reading all may take long.
    some = images.subset(fixed_subset(len(images), CHUNK))
    return augmenter(images, recipe, fill_color(some))(plan.order[:BATCH], plan)
