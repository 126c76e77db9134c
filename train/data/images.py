"""Image files as arrays: the only reader and the only resizer of this package.

`keras_resnet.export.saved_model` has its twin in TensorFlow, for SavedModels that take files.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from keras_resnet.utils.errors import InputError
from train.data.dataset import fixed_subset

SUFFIXES = {".png", ".jpg", ".jpeg"}


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
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip
                image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
            image = image.convert("L" if channels == 1 else "RGB")
            return resize(np.asarray(image), shape)
    except FileNotFoundError:
        raise InputError(f"no image {str(path)!r}: check the path.") from None
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


def read_folder(folder: Path, shape: tuple[int, int, int], most: int) -> np.ndarray:
    """Reads at most `most` images of a folder and its sub-folders, a fixed random choice.

    Raises:
        InputError: if there are none, or one cannot be read.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"no .png or .jpg images in {str(folder)!r}: check the path.")
    return np.stack([read_image(files[i], shape) for i in fixed_subset(len(files), most)])


def check_memory(name: str, count: int, shape: Sequence[int]) -> None:
    """Stops before the machine does: at its peak, a training holds images about five times."""
    need = 5 * count * int(np.prod(shape))
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if need > have:
        raise InputError(
            f"{name} at {shape[0]}x{shape[1]} needs {need / 2**30:.0f} GiB of memory, this machine "
            f"has {have / 2**30:.0f}: choose a smaller --image_size."
        )
