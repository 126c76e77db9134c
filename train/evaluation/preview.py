"""A contact sheet: augmented images of the first epoch, as the network sees them."""

from pathlib import Path

from PIL import Image

from keras_resnet.utils.atomic import replacing
from train.data.dataset import Data
from train.evaluation.data_card import augmented_batch
from train.evaluation.pictures import grid
from train.runs.files import PREVIEW
from train.settings.recipe import Recipe

LEAST = 96  # side of an image, in pixels


def draw_preview(folder: Path, data: Data, recipe: Recipe) -> Path:
    """Draws the first augmented images of a training into its folder.

    Returns:
        The path of the picture.
    """
    images = augmented_batch(data, recipe)
    times = max(1, LEAST // min(images.shape[1:3]))
    sheet = grid(images.repeat(times, 1).repeat(times, 2))
    with replacing(folder / PREVIEW) as partial:
        Image.fromarray(sheet).save(partial, format="png")
    return folder / PREVIEW
