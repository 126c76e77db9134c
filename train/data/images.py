"""Image files as pixels: the only reader and the only resizer of this package.

`keras_resnet.export.photographs` has its twin in TensorFlow, for SavedModels that take files.
Ordinary JPEG files are decoded by simplejpeg, that is libjpeg-turbo, to the very pixels that Pillow
makes of them in about half of the time (docs/photographs.md); all others by Pillow.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.files import read_bytes
from keras_resnet.utils.framing import REDUCTIONS, Box, Frame, Framing, frame, reduction

SUFFIXES = {
    ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp",
}  # fmt: skip
# Whatever a name says: Pillow hands EPS, say, to Ghostscript.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
JPEG = ("JPEG", "MPO")  # Pillow's names for it: of one image or several
MOST_BYTES = 2**30  # of a file
ORIENTATION = 0x0112  # the EXIF tag
TURNS = dict(enumerate(
    (
        Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90,
    ),
    start=2,
))  # fmt: skip
SIDEWAYS = {5, 6, 7, 8}  # values of it with which height and width change places
ERRORS = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)

Shape = tuple[int, int, int]  # height, width, channels
Choose = Callable[[int, int], Frame]  # from the height and width of an image


def read_image(path: str | Path, shape: Shape, framing: Framing | None = None) -> np.ndarray:
    """Reads an image file: turned upright, framed, transparent parts black; the first of several.

    Args:
        path: The file: BMP, GIF, JPEG, PNG, TIFF or WebP.
        shape: `(height, width, channels)` of the result; 1 channel is grey, 3 are RGB.
        framing: How it gets this size; by default the largest part in its middle of this shape.

    Returns:
        A uint8 array.

    Raises:
        InputError: if the file is missing or is no image.
    """
    try:
        file = read_bytes(path, MOST_BYTES)  # a pipe would be waited for
    except FileNotFoundError:
        raise InputError(f"no image {str(path)!r}: check the path.") from None
    return whole(file, str(path), shape, framing or Framing())


def whole(file: bytes, name: str, shape: Shape, framing: Framing) -> np.ndarray:
    """The same from the bytes of a file.

    Raises:
        InputError: if it is no image; the message has this name.
    """

    def choose(height: int, width: int) -> Frame:
        return frame((height, width), shape[:2], framing)

    return np.asarray(decode(file, name, shape, choose)).reshape(shape)


def decode(file: bytes, name: str, shape: Shape, choose: Choose) -> Image.Image:
    """A part of an image, resized; a JPEG file is decoded no larger than that takes.

    Args:
        file: The bytes of the file.
        name: Of it, for messages.
        shape: `(height, width, channels)` of the result.
        choose: Says which part is wanted, by the height and width of the upright image.

    Raises:
        InputError: if it is no image.
    """
    with explained(name):
        if size := _plain(file):
            wanted = choose(*size)
            found = _fast(file, size, reduction(wanted.box, wanted.size))
            if found is not None:
                return _part(found, size, wanted, shape)
        with Image.open(BytesIO(file), formats=FORMATS) as image:
            width, height = upright_size(image)
            wanted = choose(height, width)
            times = reduction(wanted.box, wanted.size) if image.format in JPEG else 1
            return _part(_pixels(file, image, times), (height, width), wanted, shape)


def _part(found: Image.Image, size: tuple[int, int], wanted: Frame, shape: Shape) -> Image.Image:
    """The same of a decoded image, which stands for one of this height and width."""
    scale = found.width / size[1], found.height / size[0]
    box = Box(*(edge * scale[i % 2] for i, edge in enumerate(wanted.box)))
    return put(_convert(found, shape[2]), Frame(box, wanted.size, wanted.margin), shape)


def _plain(file: bytes) -> tuple[int, int] | None:
    """Height and width of a JPEG file in which there is nothing that only Pillow understands."""
    if not file.startswith(b"\xff\xd8\xff") or b"Exif\0\0" in file:
        return None
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(file)
    except ValueError:
        return None
    small = height * width <= (Image.MAX_IMAGE_PIXELS or 0)  # else Pillow says what it thinks of it
    return (height, width) if small and colors in ("Gray", "YCbCr", "RGB") else None


def _fast(file: bytes, size: tuple[int, int], times: int) -> Image.Image | None:
    """The pixels of a JPEG file, not turned; none if it is not quite in order."""
    height, width = (-(-side // times) for side in size)
    try:
        pixels = simplejpeg.decode_jpeg(
            file, "RGB", fastdct=False, fastupsample=False, min_height=height, min_width=width
        )
    except ValueError:
        return None  # Pillow reads some of them, and says what is wrong with others
    return Image.frombuffer("RGB", pixels.shape[1::-1], pixels, "raw", "RGB", 0, 1)


def check(file: bytes, name: str, pixels: bool = False) -> None:
    """Checks the header of an image file, or that all of it can be decoded.

    Raises:
        InputError: if it is no image.
    """
    with explained(name), Image.open(BytesIO(file), formats=FORMATS) as image:
        orientation(image)
        _refuse_numbers(image)
        if pixels:
            # All of a file is gone through, whatever becomes of it.
            _pixels(file, image, max(REDUCTIONS) if image.format in JPEG else 1)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image that was opened, once it is turned upright.

    A PNG file is loaded for this, as its EXIF data may be behind its pixels.
    """
    if image.format == "PNG":
        image.load()
    return image.size[::-1] if orientation(image) in SIDEWAYS else image.size


def orientation(image: Image.Image) -> int:
    """How an image that was opened has to be turned, a value of EXIF's tag: 1 if not at all.

    Of EXIF only: Pillow also finds a tag of XMP, which browsers and phones do not look at. TIFF
    files have it among their own tags: Pillow turns them itself, and gives their size upright.
    """
    exif = Image.Exif()
    if found := image.info.get("exif"):
        exif.load(found)
    return exif.get(ORIENTATION, 1)


def put(image: Image.Image, wanted: Frame, shape: Shape) -> Image.Image:
    """A part of an image, in whole pixels, resized bilinearly with antialiasing; black around it.

    Args:
        image: Grey or RGB, as the shape says.
        wanted: The part, and where it goes.
        shape: `(height, width, channels)` of the result.
    """
    height, width = wanted.size
    left, top, right, bottom = map(round, wanted.box)
    box = left, top, max(right, left + 1), max(bottom, top + 1)
    if box != (0, 0, *image.size):
        image = image.crop(box)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    if wanted.size == shape[:2]:
        return image
    canvas = Image.new(image.mode, (shape[1], shape[0]))
    canvas.paste(image, wanted.margin[::-1])
    return canvas


def resize(image: np.ndarray, shape: Shape, framing: Framing | None = None) -> np.ndarray:
    """Frames an image that is in memory.

    Args:
        image: `(height, width)` or `(height, width, channels)` uint8, grey or RGB.
        shape: `(height, width, channels)` of the result, of as many channels.
        framing: By default it is stretched.
    """
    squeezed = image[..., 0] if image.shape[2:] == (1,) else image
    wanted = frame(image.shape[:2], shape[:2], framing or Framing(resize="stretch"))
    return np.asarray(put(Image.fromarray(squeezed), wanted, shape)).reshape(shape)


def _pixels(file: bytes, image: Image.Image, times: int) -> Image.Image:
    """The decoded image, as many times smaller, and upright."""
    found = None
    if image.format in JPEG and image.mode in ("L", "RGB"):
        found = _fast(file, (image.height, image.width), times)
    if found is None:
        if times > 1:
            image.draft(None, (max(1, image.width // times), max(1, image.height // times)))
        found = image
    found.load()  # as long as the file is open, and where its errors are explained
    turn = TURNS.get(orientation(image))
    return found if turn is None else found.transpose(turn)


def _convert(image: Image.Image, channels: int) -> Image.Image:
    """As grey or RGB; transparent parts are black."""
    _refuse_numbers(image)
    if image.mode.startswith("I;16"):  # grey, which `convert` would clip
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _refuse_numbers(image: Image.Image) -> None:
    if image.mode in ("I", "F"):
        raise ValueError("its pixels are numbers of 32 bits")


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turns what Pillow raises for a file into one sentence that names it."""
    try:
        yield
    except UnidentifiedImageError:
        raise InputError(
            f"cannot read {name!r} as an image (it is none of {', '.join(FORMATS)}): remove it, or "
            "convert it to one of them."
        ) from None
    except ERRORS as error:
        raise InputError(
            f"cannot read {name!r} as an image ({error}): remove or replace it."
        ) from error
