"""What is in folders of images, before any of it is opened."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_resnet.utils.errors import InputError
from train.data.dataset import fixed_subset
from train.data.images import SUFFIXES, Shape, read_image
from train.data.memory import check_memory
from train.settings.data import DataSettings

MOST_KINDS = 12  # of what is left out, that are named


class Listing(NamedTuple):
    """What is in a folder."""

    images: list[str]  # names, in order
    folders: list[str]  # names, in order
    left_out: Counter[str]  # what is neither, by kind


def list_folder(folder: str | Path) -> Listing:
    """Looks at what is in a folder, and opens none of it.

    Raises:
        InputError: if the folder cannot be read.
    """
    images, folders, left_out = [], [], Counter[str]()
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                kind = _kind(entry)
                if kind == "folder":
                    folders.append(entry.name)
                elif kind == "image":
                    images.append(entry.name)
                else:
                    left_out[kind] += 1
    except OSError as error:
        raise InputError(
            f"cannot read the folder {str(folder)!r} ({error.strerror}): make it readable, or "
            "remove it."
        ) from error
    return Listing(images, folders, left_out)


def _kind(entry: os.DirEntry) -> str:
    if entry.name.startswith("."):  # macOS keeps a ._photo.jpg beside every photo.jpg
        return "names that begin with a dot"
    try:
        is_folder, is_file = entry.is_dir(), entry.is_file()
    except OSError:  # a link to itself
        is_folder = is_file = False
    if is_folder:
        return "folder"
    if not is_file:
        return "neither files nor folders"
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix in SUFFIXES:
        return "image"
    return f"{suffix[:20]!r} files" if suffix else "files without suffix"


def images_within(folder: str | Path, left_out: Counter[str]) -> Iterator[str]:
    """The paths of all images in a folder and its sub-folders, from there, in a fixed order.

    Args:
        folder: Where to look.
        left_out: What is neither image nor folder is counted here, by kind.

    Raises:
        InputError: if a folder cannot be read.
    """
    waiting = [""]
    while waiting:
        place = waiting.pop()
        found = list_folder(os.path.join(folder, place) if place else folder)
        yield from (os.path.join(place, name) for name in found.images)
        inside = [os.path.join(place, name) for name in found.folders]
        real = [name for name in inside if not os.path.islink(os.path.join(folder, name))]
        left_out.update(found.left_out)
        left_out["links to folders"] += len(inside) - len(real)  # which may be a loop
        waiting += reversed(real)


def report_listing(name: str, images: int, left_out: Counter[str]) -> None:
    """Prints how many images of a folder are used, and what of it is not."""
    # Of suffixes there may be any number; what else there is does not go under among them.
    kinds = sorted((+left_out).most_common(), key=lambda kind: kind[0].startswith("'"))
    said = [f"{count} {kind}" for kind, count in kinds[:MOST_KINDS]]
    if rest := kinds[MOST_KINDS:]:
        said.append(f"{sum(count for _, count in rest)} of {len(rest)} other kinds")
    print(
        f"{name}: {images} images" + (f"; left out: {', '.join(said)}" if said else ""), flush=True
    )


def read_folder(folder: Path, shape: Shape, most: int, settings: DataSettings) -> np.ndarray:
    """Reads at most `most` images of a folder and its sub-folders, a fixed random choice.

    Args:
        folder: Where they are.
        shape: `(height, width, channels)` of each.
        most: How many.
        settings: Of which the framing is read.

    Raises:
        InputError: if there are none, or one cannot be read.
    """
    left_out = Counter[str]()
    files = sorted(images_within(folder, left_out))
    if not files:
        raise InputError(f"no images in {str(folder)!r}: check the path.")
    report_listing(repr(str(folder)), len(files), left_out)
    chosen = fixed_subset(len(files), most)
    check_memory(str(folder), len(chosen), shape)
    return np.stack([read_image(folder / files[i], shape, settings) for i in chosen])
