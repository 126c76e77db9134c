"""A folder of images: `ROOT/{train,val,test}/CLASS/...` or `ROOT/CLASS/...`."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from os.path import isdir
from pathlib import Path

import numpy as np

from keras_resnet.utils.errors import InputError, shorten_list
from train.data import inventory
from train.data.dataset import TEST_SHARE, Data, Split, by_content, check_names
from train.data.listing import images_within, list_folder, report_listing
from train.data.photographs import FolderFiles, Photographs
from train.settings.data import DataSettings

TRAIN, TEST = ("train", "training"), ("test", "testing")
VALIDATION = ("val", "validation", "valid")  # tested with if there is no other folder for it

Classes = dict[str, list[str]]  # by name of a class, paths of images from the root


def load(root: Path, settings: DataSettings, size: int) -> Data:
    """Looks at a folder of images, and says how many there are and what is left out.

    Without a folder to test with, an image is a test image if its checksum says so: a fifth of
    each class, and adding photographs moves none of those that were there. Classes are those to
    train with, whichever of them the others lack.

    Args:
        root: The folder.
        settings: How images are framed, and what is done with those that cannot be read.
        size: Side that images are resized to.

    Raises:
        InputError: if the folder has another layout, or the header of an image cannot be read.
    """
    left_out = Counter[str]()
    layout = _layout(root, left_out)
    train, *others = parts = [_classes(root, name, left_out) for name in layout]
    classes = tuple(train)
    _check(root, layout[0], train)
    for name, part in zip(layout[1:], others, strict=True):
        if strange := {*part} - {*train}:
            raise InputError(
                f"{root / name} has class {min(strange)!r}, which {root / layout[0]} lacks: add "
                "it there, or remove it."
            )
    names = [(name, label, side) for side, part in enumerate(parts)
             for label, each in enumerate(classes) for name in part.get(each, ())]  # fmt: skip
    files = FolderFiles(str(root), np.array([os.fsencode(name) for name, *_ in names]))
    labels = np.array([label for _, label, _ in names], np.int32)
    sides = np.array([side for *_, side in names])
    found, usable = _look(files, sides, settings)
    if not others:
        sides[usable] = by_content(found.digests[usable, 0], labels[usable], TEST_SHARE)
        found, usable = _look(files, sides, settings)
    if found.problems:
        print(f"left out: {next(iter(found.problems.values()))}", flush=True)
        left_out["unreadable files"] += len(found.problems)
    settings = replace(settings, image_size=size)
    images = Photographs(files, (size, size, 3), settings, found.digests)
    report_listing(root.name, int(usable.sum()), left_out)
    training_split, test_split, *validation = (
        Split(images, labels, np.flatnonzero(usable & (sides == side)))
        for side in range(max(len(parts), 2))
    )
    if not others and not (len(training_split) and len(test_split)):
        raise InputError(
            f"{root.name} has one image of each class, and needs others to test with: add some."
        )
    if unlearned := _absent(classes, training_split):
        raise InputError(
            f"{root.name} has no training images of {unlearned}: add some, or remove the folder."
        )
    if unseen := _absent(classes, test_split):
        print(f"{root.name} has no test images of {unseen}: no score tells of them.")
    return Data(
        root.name, classes, training_split, test_split, settings=settings,
        validation=validation[0] if validation and len(validation[0]) else None,
    )  # fmt: skip


def _absent(classes: Sequence[str], split: Split) -> str:
    """In words, the classes of which a split has no images."""
    return shorten_list(
        [classes[i] for i in sorted({*range(len(classes))} - {*split.labels.tolist()})]
    )


def _layout(root: Path, left_out: Counter[str]) -> list[str]:
    """The folders of classes to train with, to test with and to hold out, as far as there are any.

    The root itself, which is named by an empty text, if it has no such folders.
    """
    if not isdir(root):
        raise InputError(f"no folder {str(root)!r}: check --dataset.")
    top = list_folder(root)
    by_name = {name.lower(): name for name in reversed(top.folders)}
    train, *others = (
        next((by_name[name] for name in names if name in by_name), None)
        for names in (TRAIN, TEST, VALIDATION)
    )
    rest = [name for name in others if name is not None]
    if train is None and rest:
        raise InputError(
            f"{root} has a folder {rest[0]!r} and none to train with: add {TRAIN[0]}/CLASS/*.jpg, "
            "or give it another name if it is a class."
        )
    # Test images without labels, as competitions have them, are in no folder of a class.
    rest = [name for name in rest if list_folder(root / name).folders]
    left_out.update(top.left_out)
    left_out["images outside of a class"] += len(top.images)
    if train is None:
        return [""]
    used = [train, *rest]
    left_out[f"folders beside {' and '.join(used)}"] += len(top.folders) - len(used)
    return used


def _classes(root: Path, folder: str, left_out: Counter[str]) -> Classes:
    """The images of each class, sub-folders included."""
    found = list_folder(root / folder)
    if folder:  # the root itself is counted already
        left_out.update(found.left_out)
        left_out["images outside of a class"] += len(found.images)
    return {
        name: [
            os.path.join(folder, name, image)
            for image in images_within(root / folder / name, left_out)
        ]
        for name in found.folders
    }


def _check(root: Path, folder: str, train: Classes) -> None:
    """Checks the classes of a folder."""
    where = root / folder
    if len(train) < 2:
        hint = f" If {folder!r} is a class, give it another name." if folder and not train else ""
        raise InputError(
            f"{where} has {_only(where, train)}: it needs at least 2 folders of images, as in "
            f"{root}/train/CLASS/*.jpg or {root}/CLASS/*.jpg.{hint}"
        )
    if empty := [name for name, images in train.items() if not images]:
        others = Counter[str]()
        next(images_within(where / empty[0], others), None)
        kinds = " and ".join(f"{count} {kind}" for kind, count in (+others).most_common(2))
        raise InputError(
            f"{where / empty[0]} has no images"
            + (f", but {kinds}: convert them to JPEG or PNG," if kinds else ": add some,")
            + " or remove the folder."
        )
    check_names(root.name, tuple(train))


def _only(where: Path, train: Classes) -> str:
    """In words, the one class that there is, or none; and whether it is a folder of classes."""
    if not train:
        return "no folder of a class"
    (name,) = train
    inside = len(list_folder(where / name).folders)
    hint = f", with {inside} folders in it (are they the classes?)" if inside > 1 else ""
    return f"only the class {name!r}{hint}"


def _look(
    files: FolderFiles, sides: np.ndarray, settings: DataSettings
) -> tuple[inventory.Inventory, np.ndarray]:
    """What is known of files, and which of them can be read: `(n,)` bool.

    What scores are made with is decoded: it would be a pity to find that it cannot be read when
    the training is over.

    Raises:
        InputError: if one cannot be read, and is not to be left out.
    """
    found = inventory.take(files, (sides > 0) | settings.skip_unreadable)
    usable = np.ones(len(files), bool)
    usable[[*found.problems]] = False
    if found.problems:
        first = next(iter(found.problems.values()))
        if not settings.skip_unreadable:
            more = len(found.problems) - 1
            others = f" {more} more cannot be read." if more else ""
            raise InputError(f"{first}{others} --skip_unreadable leaves such files out.")
    return found, usable
