"""A contact sheet: augmented images of the first epoch, as the network sees them."""

from pathlib import Path

import numpy as np
from PIL import Image

from keras_resnet.utils.atomic import replacing
from train.data.dataset import Data
from train.evaluation.data_card import augmented_batch
from train.runs.files import PREVIEW
from train.settings.recipe import Recipe

COLUMNS, GAP, LEAST = 8, 4, 96  # images in a row, pixels between them, least side of one


def draw_preview(folder: Path, data: Data, recipe: Recipe) -> Path:
    """Draws the first augmented images of a training into its folder.

    Returns:
        The path of the picture.
    """
    images = augmented_batch(data, recipe)
    times = max(1, LEAST // min(images.shape[1:3]))
    images = images.repeat(times, 1).repeat(times, 2)
    images = np.broadcast_to(images, (*images.shape[:3], 3))  # grey ones, too
    height, width = images.shape[1] + GAP, images.shape[2] + GAP
    rows = -(-len(images) // COLUMNS)
    sheet = np.full((rows * height + GAP, COLUMNS * width + GAP, 3), 255, np.uint8)
    for number, image in enumerate(images):
        top, left = number // COLUMNS * height + GAP, number % COLUMNS * width + GAP
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    with replacing(folder / PREVIEW) as partial:
        Image.fromarray(sheet).save(partial, format="png")
    return folder / PREVIEW
