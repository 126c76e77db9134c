"""What is known of the files of a folder: that their headers are sound, and their checksums.

Every file is read once, before the first training; what was found is kept in the user's cache and
used again for files of the same name, size and time. So a training of a million photographs starts
within seconds, and still knows the content of each.
"""

import hashlib
import os
from typing import NamedTuple

import numpy as np

from keras_resnet.utils.errors import InputError
from train.data import cache
from train.data.images import check
from train.data.photographs import FolderFiles
from train.utils.threads import in_threads

ROW = np.dtype([("key", "u8"), ("digest", "u8", 2), ("decoded", "?")])
MANY = 1_000  # files, above which reading them takes long enough to be said


class Inventory(NamedTuple):
    """What was found out about files, by index."""

    digests: np.ndarray  # (n, 2) uint64, BLAKE2b of what is in each, 0 where there is a problem
    problems: dict[int, str]  # in words, why a file cannot be read


def take(files: FolderFiles, pixels: np.ndarray) -> Inventory:
    """Checks files, and computes their checksums.

    Args:
        files: Which ones.
        pixels: `(n,)` bool, of which to decode all, not only the header.
    """
    place = cache.place(files.root)
    known, keys = cache.read(place, ROW), _keys(files)
    where = np.minimum(np.searchsorted(known["key"], keys), max(len(known) - 1, 0))
    rows = np.zeros(len(files), ROW)
    if len(known):
        found = known[where]
        same = (found["key"] == keys) & (found["decoded"] | ~pixels)
        rows[same] = found[same]
    missing = np.flatnonzero(rows["key"] != keys)
    if len(missing) > MANY:
        print(f"reading {len(missing):,} files of {files.root} once", flush=True)
    problems: dict[int, str] = {}

    def look(some: np.ndarray) -> None:
        for i in some.tolist():
            try:
                file = files.read(i)
                check(file, files.name(i), bool(pixels[i]))
            except InputError as error:
                problems[i] = str(error)
            else:
                digest = hashlib.blake2b(file, digest_size=16).digest()
                rows[i] = (keys[i], np.frombuffer(digest, "<u8"), pixels[i])

    in_threads(look, missing)
    sound = rows[rows["key"] == keys]
    if len(missing) > len(problems):
        cache.write(place, np.sort(sound, order="key"))
    return Inventory(rows["digest"], dict(sorted(problems.items())))


def _keys(files: FolderFiles) -> np.ndarray:
    """What changes if a file does: `(n,)` uint64, of names, sizes and times."""
    keys = np.empty(len(files), np.uint64)

    def look(some: range) -> None:
        for i in some:
            try:
                found = os.stat(files.name(i))
            except OSError:  # which reading it will name
                stamp: tuple = ()
            else:
                stamp = found.st_size, found.st_mtime_ns
            text = b"%s %r" % (files.names[i], stamp)
            digest = hashlib.blake2b(text, digest_size=8).digest()
            keys[i] = int.from_bytes(digest, "little") | 1  # 0 is that of no file

    in_threads(look, range(len(files)))
    return keys
