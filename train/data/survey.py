"""What a folder of photographs is like, before anything is trained on it. Needs no TensorFlow."""

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from keras_resnet.utils.errors import InputError, shorten_list
from train.data.dataset import Data, Split, fixed_subset
from train.data.images import FORMATS, TURNS, explained, orientation, upright_size
from train.data.photographs import Photographs
from train.utils.table import align
from train.utils.threads import in_threads

FEW = 10  # images of a class, below which no split of them says much
MOST = 20_000  # photographs whose headers are read; of more, that many at random


class Survey(NamedTuple):
    """What was found."""

    counts: dict[str, list[int]]  # images of each class, by split
    sizes: dict[str, list[int]]  # smallest, median and largest, width and height upright
    looked_at: int  # images whose headers were read
    turned: int  # of these, by EXIF, from how they are stored
    grey: int  # of these
    shared: int  # images that are in another split as well, by content
    repeated: int  # images that are there again in their own split
    contradictory: int  # contents that have several labels

    def record(self) -> dict[str, Any]:
        """As the record of a run has it."""
        return self._asdict()


class _Header(NamedTuple):
    width: int
    height: int
    turned: bool
    grey: bool


def survey(data: Data, fraction: float) -> Survey:
    """Looks a data set over.

    Args:
        data: Of photographs in files.
        fraction: Of the training images that is held out, if there are no others for it.

    Raises:
        InputError: if the data are in no files, or one cannot be read.
    """
    splits = _splits(data, fraction)
    images = data.train.images
    if not isinstance(images, Photographs):
        raise InputError(f"{data.name} is no folder of photographs: give --dataset=FOLDER.")
    rows = np.concatenate([split.rows for split in splits.values()])
    rows = rows[fixed_subset(len(rows), MOST)]
    headers = [header for part in in_threads(lambda some: _read(images, some), rows)
               for header in part]  # fmt: skip
    sides = np.array([(header.width, header.height) for header in headers])
    shared, repeated, contradictory = _duplicates(splits)
    return Survey(
        {
            name: np.bincount(split.labels, minlength=len(data.classes)).tolist()
            for name, split in splits.items()
        },
        {
            "smallest": sides.min(0).tolist(),
            "median": np.median(sides, 0).astype(int).tolist(),
            "largest": sides.max(0).tolist(),
        },
        len(headers),
        sum(header.turned for header in headers),
        sum(header.grey for header in headers),
        shared,
        repeated,
        contradictory,
    )


def text(found: Survey, data: Data) -> str:
    """A table of classes and splits, and a line for each thing that stands out."""
    names, rows = [*found.counts], [*zip(*found.counts.values(), strict=True)]
    table = [["class", *names]]
    table += [[name, *map(str, row)] for name, row in zip(data.classes, rows, strict=True)]
    table += [["all", *(str(sum(counts)) for counts in found.counts.values())]]
    smallest, median, largest = ("x".join(map(str, side)) for side in found.sizes.values())
    small = [name for name, row in zip(data.classes, rows, strict=True) if sum(row) < FEW]
    said = [
        f"sizes {smallest} to {largest}, half of them up to {median}; {found.turned} turned by "
        f"EXIF, {found.grey} grey, of {found.looked_at}"
    ]
    if found.shared:
        said.append(f"{found.shared} images are in several splits: scores are too good by them")
    if found.repeated:
        said.append(f"{found.repeated} images are there twice within a split")
    if found.contradictory:
        said.append(f"{found.contradictory} images are in several classes: remove some")
    if small:
        said.append(f"fewer than {FEW} images: {shorten_list(small)}: add some, or expect little")
    for split in found.counts:
        if split != "training" and (missing := _missing(found, data, split)):
            said.append(f"no {split} images: {shorten_list(missing)}: no score tells of them")
    return "\n".join([align(table), *said])


def check(found: Survey, data: Data) -> None:
    """Checks that there are images to choose by: `folder.load` refuses a class without others.

    Raises:
        InputError: if not.
    """
    if not sum(found.counts["validation"]):
        raise InputError(
            f"{data.name} has too few images to hold some out, which choose the head and the "
            "epoch: add some, or raise --validation_fraction."
        )


def _missing(found: Survey, data: Data, split: str) -> list[str]:
    """Classes of which a split has no images."""
    counts = found.counts[split]
    return [name for name, count in zip(data.classes, counts, strict=True) if not count]


def _splits(data: Data, fraction: float) -> dict[str, Split]:
    images, held_out = data.hold_out(fraction)
    return {"training": images, "validation": held_out, "test": data.test}


def _read(images: Photographs, rows: np.ndarray) -> list[_Header]:
    return [_header(images.files.read(int(row)), images.files.name(int(row))) for row in rows]


def _header(file: bytes, name: str) -> _Header:
    with explained(name), Image.open(BytesIO(file), formats=FORMATS) as image:
        size = upright_size(image)
        turned = orientation(image) in TURNS
        return _Header(*size, turned, image.mode in ("1", "L", "LA", "I;16"))


def _duplicates(splits: dict[str, Split]) -> tuple[int, int, int]:
    """Images that are in several splits, that are repeated in one, and of several classes."""
    places: dict[bytes, list[tuple[str, int]]] = {}
    for name, split in splits.items():
        assert split.digests is not None  # they are photographs
        for digest, label in zip(split.digests, split.labels.tolist(), strict=True):
            places.setdefault(digest.tobytes(), []).append((name, label))
    several = [found for found in places.values() if len(found) > 1]
    kinds = [(len(found), {name for name, _ in found}, {label for _, label in found})
             for found in several]  # fmt: skip
    return (
        sum(len(names) > 1 for _, names, _ in kinds),
        sum(count - len(names) for count, names, _ in kinds),
        sum(len(labels) > 1 for *_, labels in kinds),
    )
