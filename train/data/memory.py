"""How much memory there is, and whether images fit in it."""

import os
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path

from keras_resnet.utils.errors import InputError

LIMITS = {"": "memory.max", "memory": "memory.limit_in_bytes"}  # by controllers of a control group


def check_memory(name: str, count: int, shape: Sequence[int]) -> None:
    """Stops before the machine does: at its peak, a training holds images about five times."""
    need, have = 5 * count * prod(shape), memory()
    if need > have:
        raise InputError(
            f"{name} at {shape[0]}x{shape[1]} needs {need / 2**30:.0f} GiB of memory, and this "
            f"machine or its container has {have / 2**30:.0f}: choose a smaller --image_size."
        )


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
