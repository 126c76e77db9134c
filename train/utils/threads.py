"""Work on all cores: of functions that leave Python's lock, as decoders and resizers do."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
PER_TASK = 8  # items: a task of its own for each would cost more


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(work: Callable[[Any], T], items: Any) -> list[T]:
    """Calls a function with some items at a time, in threads that end with this call.

    Args:
        work: What takes some of the items, in order.
        items: All of them: a range, a list or an array.

    Returns:
        What it gave, in order.
    """
    parts = [items[start : start + PER_TASK] for start in range(0, len(items), PER_TASK)]
    if len(parts) < 2 or cores() < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(cores()) as threads:
        return list(threads.map(work, parts))
