"""Locks: one process at a time writes to a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOLCK, ENOSYS, ENOTSUP, EOPNOTSUPP
from pathlib import Path

from filelock import FileLock, Timeout

from keras_resnet.utils.errors import InputError
from train.runs.files import LOCK

NO_LOCKS = (ENOSYS, ENOLCK, ENOTSUP, EOPNOTSUPP)  # what a file system without them answers


class Busy(InputError):
    """Another process is writing to a folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder.

    Raises:
        Busy: if one is writing there.
        InputError: if the file system has no locks.
    """
    try:
        with _lock(folder / LOCK, seconds=0):
            yield
    except Timeout:
        raise Busy(
            f"another process is writing to {folder}: wait for it, or choose another --output_dir."
        ) from None


def await_others(folder: Path) -> None:
    """Waits until no other process writes to a folder."""
    if (folder / LOCK).exists():
        with file_lock(folder / LOCK):
            pass


def is_busy(folder: Path) -> bool:
    """Whether another process writes to a folder at this moment."""
    if not (folder / LOCK).exists():
        return False
    try:
        with _lock(folder / LOCK, seconds=0):
            return False
    except Timeout:
        return True


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Waits until no other process holds the lock of a file, which is made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path):
        yield


@contextmanager
def _lock(path: Path, seconds: float = -1) -> Iterator[None]:
    """Holds a lock; the system releases it if this process dies.

    Raises:
        InputError: if the file system has no such locks.
        Timeout: if another process holds it for longer than `seconds`, unless these are negative.
    """
    lock = FileLock(path, timeout=seconds, fallback_to_soft=False)
    try:
        lock.acquire()
    except (NotImplementedError, OSError) as error:
        if getattr(error, "errno", ENOSYS) not in NO_LOCKS:  # such as a timeout
            raise
        raise InputError(
            f"the file system of {path.parent} has no locks: choose a folder on another one."
        ) from error
    try:
        yield
    finally:
        lock.release()
