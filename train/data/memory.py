"""How much memory there is, whether images fit in it, and those that do."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet.utils.errors import InputError
from train.data.dataset import Data
from train.data.indexed import ArrayImages

PEAK = 5  # times that a training holds its images
SHARE = 0.25  # of the memory, that a training may take for images that could stay in their files
LIMITS = {"": "memory.max", "memory": "memory.limit_in_bytes"}  # by controllers of a control group


def fits(count: int, shape: Sequence[int]) -> bool:
    """Whether a training can hold so many images in memory."""
    return PEAK * count * prod(shape) <= memory()


def check_memory(name: str, count: int, shape: Sequence[int]) -> None:
    """Stops before the machine does."""
    if not fits(count, shape):
        need, have = PEAK * count * prod(shape) / 2**30, memory() / 2**30
        raise InputError(
            f"{name} at {shape[0]}x{shape[1]} needs {need:.0f} GiB of memory, and this "
            f"machine or its container has {have:.0f}: choose a smaller --image_size."
        )


def keep_small(data: Data) -> Data:
    """The same data, their images in memory where that is little: they are decoded once.

    For trainings that see an image as it is framed: other crops are decoded from its file anyway.

    Raises:
        InputError: if a file cannot be read.
    """
    parts = {"train": data.train, "test": data.test, "validation": data.validation}
    splits = {name: split for name, split in parts.items() if split is not None}
    size = sum(map(len, splits.values())) * prod(data.shape)
    if any(s.in_memory for s in splits.values()) or PEAK * size > SHARE * memory():
        return data
    sources = {id(split.images): split.images for split in splits.values()}  # some share one
    kept = {
        key: ArrayImages(np.zeros((len(source), *data.shape), np.uint8), source)
        for key, source in sources.items()
    }
    for split in splits.values():
        kept[id(split.images)].array[split.rows] = split.read()
    print(f"{data.name}: decoded once, and kept in {size / 2**20:.0f} MiB of memory", flush=True)
    moved: dict[str, Any] = {
        name: split.moved(kept[id(split.images)]) for name, split in splits.items()
    }
    return replace(data, **moved)


def memory() -> int:
    """The bytes of memory that this process may use: the machine's, or what its container has."""
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *container_limits()])


def container_limits(root: Path = Path("/")) -> Iterator[int]:
    """The limits, in bytes, of the control groups that this process is in (Linux, version 1 or 2).

    Args:
        root: Of the file system.
    """
    groups = root / "proc/self/cgroup"
    lines = groups.read_text().splitlines() if groups.exists() else ()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in LIMITS:
            continue
        top = root / "sys/fs/cgroup" / controllers
        group = top / path.lstrip("/")
        # A container may see its own group as the top, whatever its path outside is.
        for folder in (group, *group.parents):
            limit = folder / LIMITS[controllers]
            if folder.is_relative_to(top) and limit.exists():
                text = limit.read_text().strip()
                if text.isdigit():  # or else "max"
                    yield int(text)
