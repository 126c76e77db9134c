"""Image files as arrays: the only reader and the only resizer of this package.

`keras_resnet.export.saved_model` has its twin in TensorFlow, for SavedModels that take files.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.files import check_regular
from train.data.dataset import fixed_subset

SUFFIXES = {".png", ".jpg", ".jpeg"}
FORMATS = ("PNG", "JPEG")  # whatever a name says: Pillow hands EPS, say, to Ghostscript
LIMITS = {"": "memory.max", "memory": "memory.limit_in_bytes"}  # by controllers of a control group


def read_image(path: str | Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Reads a PNG or JPEG file: turned upright, resized to the shape, transparent parts black.

    Args:
        path: The file.
        shape: `(height, width, channels)` of the result; 1 channel is grey, 3 are RGB.

    Returns:
        A uint8 array.

    Raises:
        InputError: if the file is missing or is no image.
    """
    channels = shape[2]
    try:
        check_regular(Path(path))  # a pipe would be waited for
    except FileNotFoundError:
        raise InputError(f"no image {str(path)!r}: check the path.") from None
    try:
        with Image.open(path, formats=FORMATS) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip
                image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
            image = image.convert("L" if channels == 1 else "RGB")
            return resize(np.asarray(image), shape)
    except UnidentifiedImageError:
        raise InputError(
            f"cannot read {str(path)!r} as an image (it is neither PNG nor JPEG): remove it, or "
            "convert it to one of them."
        ) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"cannot read {str(path)!r} as an image ({error}): remove or replace it."
        ) from error


def resize(image: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Resizes an image bilinearly with antialiasing, without keeping its proportions.

    Args:
        image: `(height, width)` or `(height, width, channels)` uint8, grey or RGB.
        shape: `(height, width, channels)` of the result, of as many channels.
    """
    height, width, _ = shape
    if image.shape[:2] != (height, width):
        squeezed = image[..., 0] if image.shape[2:] == (1,) else image
        resized = Image.fromarray(squeezed).resize((width, height), Image.Resampling.BILINEAR)
        image = np.asarray(resized)
    return image.reshape(shape)


class Listing(NamedTuple):
    """What is in a folder."""

    images: list[Path]  # by name, in order
    folders: list[Path]
    left_out: Counter[str]  # what is neither, by kind


def list_folder(folder: Path) -> Listing:
    """Looks at what is in a folder, and opens none of it.

    Raises:
        InputError: if the folder cannot be read.
    """
    images, folders, left_out = [], [], Counter[str]()
    try:
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):  # macOS keeps a ._photo.jpg beside every photo.jpg
                left_out["names that begin with a dot"] += 1
            elif path.is_dir():
                folders.append(path)
            elif not path.is_file():
                left_out["neither files nor folders"] += 1
            elif path.suffix.lower() in SUFFIXES:
                images.append(path)
            else:
                kind = (
                    f"{path.suffix.lower()[:20]!r} files" if path.suffix else "files without suffix"
                )
                left_out[kind] += 1
    except OSError as error:
        raise InputError(
            f"cannot read the folder {str(folder)!r} ({error.strerror}): make it readable, or "
            "remove it."
        ) from error
    return Listing(images, folders, left_out)


def report_listing(name: str, images: int, left_out: Counter[str]) -> None:
    """Prints how many images of a folder are used, and what of it is not."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in left_out.most_common(9))
    print(f"{name}: {images} images" + (f"; left out: {kinds}" if kinds else ""), flush=True)


def read_folder(folder: Path, shape: tuple[int, int, int], most: int) -> np.ndarray:
    """Reads at most `most` images of a folder and its sub-folders, a fixed random choice.

    Raises:
        InputError: if there are none, or one cannot be read.
    """
    files, waiting, left_out = [], [folder], Counter[str]()
    while waiting:
        found = list_folder(waiting.pop())
        files += found.images
        inside = [each for each in found.folders if not each.is_symlink()]  # which may be a loop
        waiting += inside
        left_out += found.left_out + Counter({"links to folders": len(found.folders) - len(inside)})
    if not files:
        raise InputError(f"no .png or .jpg images in {str(folder)!r}: check the path.")
    report_listing(repr(str(folder)), len(files), +left_out)
    files.sort()
    chosen = fixed_subset(len(files), most)
    check_memory(str(folder), len(chosen), shape)
    return np.stack([read_image(files[i], shape) for i in chosen])


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
