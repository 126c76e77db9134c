"""221 classes of ImageNet as one folder: Tiny ImageNet, Imagenette and ImageWoof.

    python -m docs.imagenet221 tiny-imagenet-200 imagenette2-160 imagewoof2-160 imagenet221

The first three are folders as their authors publish them; the last one is made, of hard links where
the file system has them: `{train,val}/WNID/*.JPEG`. `saved_models/pretrained` has weights of it.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from keras_resnet.utils.atomic import replacing

Row = tuple[Path, str, str]  # a photograph, its split, and its class


def tiny(root: Path) -> Iterator[Row]:
    """Tiny ImageNet has a list of classes for its photographs for validation."""
    for folder in sorted((root / "train").iterdir()):
        yield from ((path, "train", folder.name) for path in (folder / "images").glob("*.JPEG"))
    for line in (root / "val/val_annotations.txt").read_text().splitlines():
        name, wnid, *_ = line.split("\t")
        yield root / "val/images" / name, "val", wnid


def by_class(root: Path) -> Iterator[Row]:
    """The others have folders of classes."""
    for split in ("train", "val"):
        yield from ((path, split, path.parent.name) for path in (root / split).glob("*/*.JPEG"))


def make(tiny_root: Path, others: list[Path], target: Path) -> int:
    """Makes the folder; the number of photographs."""
    sources = [tiny(tiny_root), *map(by_class, others)]
    rows = [(number, *row) for number, source in enumerate(sources) for row in source]
    with replacing(target, folder=True) as partial:
        for number, path, split, wnid in rows:
            place = partial / split / wnid / f"{number}_{path.name}"  # names occur in several
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, place)
            except OSError:  # another file system
                shutil.copyfile(path, place)
    return len(rows)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(f"error: four folders are needed; got {len(sys.argv) - 1}.\n\n{__doc__}")
    first, *more, last = map(Path, sys.argv[1:])
    if missing := [folder for folder in (first, *more) if not folder.is_dir()]:
        sys.exit(f"error: no folder {missing[0]}: download and unpack it.")
    if last.exists():
        sys.exit(f"error: {last} is there already: choose another folder.")
    try:
        print(f"{make(first, more, last):,} photographs: {last}")
    except OSError as error:
        sys.exit(f"error: {error.filename} ({error.strerror}): give the folders as published.")
