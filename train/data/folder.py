"""A folder of images: `ROOT/{train,test}/CLASS/*.png|jpg`."""

from collections import Counter
from dataclasses import replace
from os.path import isdir
from pathlib import Path

import numpy as np

from keras_resnet.utils.errors import InputError, shorten_list
from train.data.dataset import Data, Split, check_names
from train.data.images import check_memory, list_folder, read_image, report_listing
from train.settings.data import DataSettings


def load(root: Path, settings: DataSettings, size: int) -> Data:
    """Reads a folder into memory; says how many images there are, and what is left out.

    Args:
        root: The folder.
        settings: Recorded with the data.
        size: Side that images are resized to.

    Raises:
        InputError: if the folder has another layout, or an image cannot be read.
    """
    shape, left_out = (size, size, 3), Counter[str]()
    top = {path.name: path for path in list_folder(root).folders} if isdir(root) else {}
    if not {"train", "test"} <= top.keys():
        raise InputError(
            f"{root} must hold the folders train and test, with images in train/CLASS/*.png or "
            "*.jpg."
        )

    def look(split: str) -> dict[str, list[Path]]:
        """The images of each class."""
        files = {}
        found = list_folder(top[split])
        for folder in found.folders:
            inside = list_folder(folder)
            files[folder.name] = inside.images
            left_out.update(inside.left_out)
            left_out["folders within a class"] += len(inside.folders)
        left_out.update(found.left_out)
        left_out["images outside of a class"] += len(found.images)
        return files

    def read(files: dict[str, list[Path]]) -> Split:
        labelled = [(path, k) for k, name in enumerate(classes) for path in files.get(name, ())]
        check_memory(str(root), len(labelled), shape)
        images = np.empty((len(labelled), *shape), np.uint8)
        for i, (path, _) in enumerate(labelled):
            images[i] = read_image(path, shape)
        return Split(images, np.array([label for _, label in labelled], np.int32))

    train, test = look("train"), look("test")
    left_out["folders beside train and test"] = len(top) - 2
    classes = tuple(train)
    strange = {*test} - {*train}
    if strange:
        raise InputError(f"{root}/test has class {min(strange)!r}, which {root}/train lacks.")
    if len(classes) < 2:
        raise InputError(f"{root}/train has {len(classes)} classes: it needs at least 2 folders.")
    if empty := [name for name in classes if not train[name]]:
        raise InputError(f"{root}/train/{empty[0]} has no .png or .jpg images.")
    count = sum(map(len, [*train.values(), *test.values()]))
    check_names(root.name, classes)
    report_listing(root.name, count, +left_out)
    if unseen := [name for name in classes if not test.get(name)]:
        print(f"{root.name}/test has no images of {shorten_list(unseen)}: no score tells of them.")
    settings = replace(settings, image_size=size)
    return Data(root.name, classes, read(train), read(test), settings=settings)
