"""Checksums inside exported files: what is damaged is refused before any reader crashes on it.

LiteRT ends the process on some damaged files, and takes most flipped bits without a word. So a
`.tflite` file ends with the SHA-256 of all before, as the comment of the zip archive of its labels;
a SavedModel has those of its files where TensorFlow leaves room for what it does not read; and a
`.keras` file is a zip archive, which has its own. Standard library only.
"""

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from keras_resnet.utils.files import sha256

ROOM = bytes(64)  # for the checksum of a `.tflite` file, in hexadecimal
SUMS = "assets.extra/SHA256SUMS"  # `sha256sum --check assets.extra/SHA256SUMS` reads it, too
DAMAGED = "it is not as it was written"
SECONDS = 120  # for one image, in a file of which nothing is known

# The runtime ends a process that reads what is damaged: better one that is made for it.
TRIAL = """
import sys
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
interpreter.invoke()
"""


def seal(file: bytes) -> bytes:
    """Puts the checksum of a file into the `ROOM` that its last bytes leave."""
    content = file[: -len(ROOM)]
    return content + hashlib.sha256(content).hexdigest().encode()


def check(file: bytes) -> bool:
    """Whether a file has a checksum, as those of former versions and of others have not.

    Raises:
        ValueError: if it is that of another file.
    """
    if not re.fullmatch(b"[0-9a-f]{64}", file[-len(ROOM) :]):
        return False
    if file != seal(file):
        raise ValueError(DAMAGED)
    return True


def check_tflite(path: Path) -> None:
    """Checks that a `.tflite` file is whole; without a checksum, that the runtime can run it.

    Raises:
        ValueError: if not.
    """
    if check(path.read_bytes()):
        return
    command = [sys.executable, "-c", TRIAL, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise ValueError(f"an image takes more than {SECONDS} s") from None
    if done.returncode:
        errors = re.findall(r"^\w+Error: (.*)", done.stderr, re.MULTILINE)
        raise ValueError(errors[-1] if errors else "LiteRT crashes on it")


def check_archive(path: Path) -> None:
    """Checks that all in a zip archive is whole.

    Raises:
        ValueError, zipfile.BadZipFile, NotImplementedError: if not.
    """
    with zipfile.ZipFile(path) as archive:
        if name := archive.testzip():
            raise ValueError(f"{name}: {DAMAGED}")


def write_sums(folder: Path) -> None:
    """Writes the checksums of all files in a folder."""
    sums = _sums(folder)
    (folder / SUMS).parent.mkdir()
    (folder / SUMS).write_text("".join(f"{sums[name]}  {name}\n" for name in sums))


def check_sums(folder: Path) -> None:
    """Checks that the files in a folder are those that were written, if their sums were.

    Raises:
        ValueError: that names the first other one.
    """
    if not (folder / SUMS).exists():
        return
    lines = (folder / SUMS).read_text().splitlines()
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = _sums(folder)
    for name in sorted(expected | found):
        if expected.get(name) != found.get(name):
            raise ValueError(f"{name}: {DAMAGED}")


def _sums(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: sha256(path) for name, path in files.items() if name != SUMS}
