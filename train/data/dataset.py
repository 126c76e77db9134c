"""Data sets: labels in memory, images by index; and how they are divided."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from keras_resnet.utils.errors import InputError, shorten
from train.data.indexed import CHUNK, ArrayImages, Images
from train.settings.data import DataSettings

TEST_SHARE = 0.2  # of images without a split


class Split:
    """Labelled images, or some of them.

    Args:
        images: The images, or an array of them: `(n, height, width, channels)` uint8.
        labels: `(n,)` int32, the indices of class names.
        rows: The indices of those that belong to this split; `None` for all.
    """

    def __init__(
        self, images: Images | np.ndarray, labels: np.ndarray, rows: np.ndarray | None = None
    ):
        self.images = ArrayImages(images) if isinstance(images, np.ndarray) else images
        self.rows = np.arange(len(self.images)) if rows is None else rows
        self.labels = labels if rows is None else labels[rows]
        self._all_labels = labels

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.images.shape

    @property
    def in_memory(self) -> bool:
        """Whether all images are in memory."""
        return isinstance(self.images, ArrayImages)

    @property
    def digests(self) -> np.ndarray | None:
        """Of what is in each file, `(n, 2)` uint64; `None` of images that are in no files."""
        return None if self.images.digests is None else self.images.digests[self.rows]

    def read(
        self, index: np.ndarray | None = None, scale: float = 1, wider: bool = False
    ) -> np.ndarray:
        """Images by their place in this split, or all: `(n, height, width, channels)` uint8.

        The other arguments are those of `train.data.indexed.Images.read`.
        """
        if index is None:
            whole = scale == 1 and np.array_equal(self.rows, np.arange(len(self.images)))
            if isinstance(self.images, ArrayImages) and whole:
                return self.images.array  # not copied
            index = np.arange(len(self))
        return self.images.read(self.rows[index], scale, wider)

    def parts(self, size: int = CHUNK, start: int = 0) -> Iterator["Split"]:
        """All images in order from a place on, some at a time; none is read."""
        for place in range(start, len(self), size):
            yield self.subset(np.arange(place, min(place + size, len(self))))

    def chunks(self) -> Iterator[np.ndarray]:
        """All images in order, some at a time."""
        for part in self.parts():
            yield part.read()

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What a function makes of all images in order, some at a time: `(n, ...)`."""
        return np.concatenate([function(images) for images in self.chunks()])

    def subset(self, index: np.ndarray) -> "Split":
        """The images with these places in this split; none is copied."""
        return Split(self.images, self._all_labels, self.rows[index])

    def moved(self, images: Images) -> "Split":
        """The same images, of another source that has them at the same indices."""
        return Split(images, self._all_labels, self.rows)


@dataclass(frozen=True)
class Data:
    """A data set for image classification.

    Raises:
        InputError: if a split has no images or ones that are neither grey nor RGB, a label has no
            class name, or a name cannot be delivered.
    """

    name: str
    classes: tuple[str, ...]  # names, in the order of the labels
    train: Split
    test: Split
    mirror: bool = True  # whether a mirror image is of the same class
    settings: DataSettings = field(default_factory=DataSettings)
    validation: Split | None = None  # images that are there to be held out

    def __post_init__(self) -> None:
        check_names(self.name, self.classes)
        for name, split in (("training", self.train), ("test", self.test)):
            if not len(split):
                raise InputError(f"{self.name} has no {name} images: add some.")
            if split.shape[2:] not in ((1,), (3,)):
                raise InputError(
                    f"{self.name} has images of shape {split.shape}; they must be grey or RGB."
                )
            wrong = split.labels[(split.labels < 0) | (split.labels >= len(self.classes))]
            if len(wrong):
                raise InputError(
                    f"{self.name} has {name} images with label {wrong[0]}; with "
                    f"{len(self.classes)} classes, labels go from 0 to {len(self.classes) - 1}."
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.train.shape

    def hold_out(self, fraction: float) -> tuple[Split, Split]:
        """Images to learn from, and others to validate on: its own, or else some of the training's.

        Args:
            fraction: Of the training images, where it has none for it.
        """
        if self.validation is not None:
            return self.train, self.validation
        return hold_out(self.train, fraction)

    def record(self) -> dict[str, Any]:
        """What tells these data from others, and how they are read, as the record of a run has it.

        Where they are is none of it, as they may be elsewhere on another machine.
        """
        settings = asdict(self.settings)
        del settings["dataset"], settings["data_dir"]
        return {"name": self.name, **settings, "sha256": self.fingerprint}

    def source(self) -> dict[str, str]:
        """Where they were read from, likewise."""
        return {"dataset": self.settings.dataset, "data_dir": self.settings.data_dir}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of class names, shapes, images and labels: equal only for the same data.

        Of images in memory their pixels are read, of others what `Images.identity` knows of them.
        """
        splits = [s for s in (self.train, self.validation, self.test) if s is not None]
        shapes = [shape for s in splits for shape in ((len(s), *s.shape), s.labels.shape)]
        digest = hashlib.sha256(repr((self.classes, shapes)).encode())
        for split in splits:
            for part in split.images.identity(split.rows):
                digest.update(part)
            digest.update(np.ascontiguousarray(split.labels).data)
        return digest.hexdigest()


def check_names(data: str, classes: Sequence[str]) -> None:
    """Checks that the names of data and classes can be written to the files that are delivered.

    Raises:
        InputError: if one is empty, of several lines, or cannot be written in UTF-8.
    """
    for name in (data, *classes):
        surrogates = any("\ud800" <= letter <= "\udfff" for letter in name)  # of bytes not in UTF-8
        if surrogates or name.splitlines() != [name] or not name.strip():
            raise InputError(
                f"{shorten(name)} cannot be the name of a class or a data set, as no file of "
                "labels can hold it: rename it to one line of text in UTF-8."
            )


def hold_out(split: Split, fraction: float, half: int = 1) -> tuple[Split, Split]:
    """Divides a split at random, stratified by class and always in the same way.

    Of files, what is in each decides, so that adding some moves none: see `by_content`.

    Args:
        split: The images to divide.
        fraction: The fraction that goes to the second part, 0 to 1.
        half: Of the checksums, which decides: 0 for test images, so that those which are held out
            of the others are chosen independently.

    Returns:
        The two parts, each in the original order; no image is copied.
    """
    if fraction and (digests := split.digests) is not None:
        held = by_content(digests[:, half], split.labels, fraction)
        return split.subset(np.flatnonzero(~held)), split.subset(np.flatnonzero(held))
    count = len(split)
    order = np.random.default_rng(0).permutation(count)
    order = order[np.argsort(split.labels[order], kind="stable")]
    held = np.zeros(count, bool)
    size = round(count * fraction)
    held[order[np.arange(size) * count // max(size, 1)]] = True
    return split.subset(np.flatnonzero(~held)), split.subset(np.flatnonzero(held))


def by_content(digests: np.ndarray, labels: np.ndarray, fraction: float) -> np.ndarray:
    """Chooses images by checksums of their content: copies go together, and new ones move none.

    But that of a class without any below the fraction, the image of the least checksum is chosen,
    and one is left where all of it are, or where it is the only one.

    Args:
        digests: `(n,)` uint64.
        labels: `(n,)`.
        fraction: Of each class, 0 to 1; met as closely as chance does it.

    Returns:
        `(n,)` bool.
    """
    chosen = digests < np.uint64(fraction * 2**64)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        own = own[np.argsort(digests[own], kind="stable")]
        chosen[own[0]] = True
        chosen[own[-1]] = False
    return chosen


def fixed_subset(count: int, most: int) -> np.ndarray:
    """Indices of at most `most` of `count` things: random, but always the same, in order."""
    return np.sort(np.random.default_rng(0).permutation(count)[:most])
