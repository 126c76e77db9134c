"""Images inside a page: small PNG files as data URIs."""

from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image

MOST_PIXELS = 64  # side of a thumbnail
COLUMNS, GAP = 8, 2  # of a grid: images in a row, and pixels between them


def thumbnail(image: np.ndarray, most: int = MOST_PIXELS) -> str:
    """A small picture of an image.

    Args:
        image: `(height, width, 1, 3 or 4)` uint8.
        most: Its longer side, if the image is larger.
    """
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    picture.thumbnail((most, most), Image.Resampling.LANCZOS)
    data = BytesIO()
    picture.save(data, "png", optimize=True)
    return f"data:image/png;base64,{b64encode(data.getvalue()).decode()}"


def contact_sheet(images: np.ndarray) -> str:
    """Images side by side as one picture."""
    return thumbnail(grid(images), 6 * MOST_PIXELS)


def grid(images: np.ndarray) -> np.ndarray:
    """Images side by side: `(height, width, 4)` uint8, transparent between them."""
    count, height, width, _ = images.shape
    rows = -(-count // COLUMNS)
    cell = height + GAP, width + GAP
    sheet = np.zeros((rows * cell[0] - GAP, COLUMNS * cell[1] - GAP, 4), np.uint8)
    for place, image in enumerate(images):
        top, left = (place // COLUMNS) * cell[0], (place % COLUMNS) * cell[1]
        inside = sheet[top : top + height, left : left + width]
        inside[..., :3], inside[..., 3] = image, 255
    return sheet
