"""Files that others may have made: only regular ones are opened, and none larger than expected.

Standard library only.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from keras_resnet.utils.errors import InputError

MOST_BYTES = 64 * 2**20  # of a text: records have some kilobytes


def check_regular(path: str | Path) -> os.stat_result:
    """Checks that a file is a regular one: a pipe, for one, would wait for ever.

    Raises:
        FileNotFoundError: if it is missing.
        InputError: if it is something else, or out of reach.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except (OSError, ValueError) as error:  # a loop of links; a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {path} ({reason}): give a readable file.") from error
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or a device"
        raise InputError(f"{path} is {what}, not a file: give a file.")
    return found


def read_bytes(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file.

    Raises:
        FileNotFoundError: if it is missing.
        InputError: if it is no regular file, larger than `most` bytes, or cannot be read.
    """
    size = check_regular(path).st_size
    if size > most:
        raise InputError(
            f"{path} has {size:,} bytes, and such files at most {most:,}: give another file."
        )
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): give a readable file.") from error


def read_text(path: Path) -> str:
    """The text of a regular file in UTF-8.

    Raises:
        FileNotFoundError: if it is missing.
        InputError: if it is no such file.
    """
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is damaged ({error}): it must be text in UTF-8.") from error


def size(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    return sum(part.stat().st_size for part in _parts(path))


def sha256(path: Path) -> str:
    """The SHA-256 of a file, or of the files in a folder in order, in hexadecimal."""
    digest = hashlib.sha256()
    for part in _parts(path):
        with open(part, "rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
    return digest.hexdigest()


def _parts(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        return iter([path])
    return (part for part in sorted(path.rglob("*")) if part.is_file())
