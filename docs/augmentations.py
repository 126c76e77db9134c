"""Draws docs/augmentations.jpg, what each augmentation makes of a photograph.

`python -m docs.augmentations`
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images

from keras_resnet.utils.framing import Framing
from train.data.augment import augmenter
from train.data.dataset import Split
from train.data.draws import epoch_plan
from train.data.photographs import FolderFiles, Photographs
from train.settings.recipe import Recipe

SIDE, GAP, EPOCHS = 112, 4, 7  # pixels of an image and between two; epochs that are shown
# Fields of the recipe, which are flags of the command; all others are off.
ROWS: list[dict[str, str | float]] = [
    {},
    {"crop": "scale"},
    {"crop": "area"},
    {"crop": "area", "min_area": 1.0, "first_size": 0.5},
    {"crop": "pad", "crop_padding": 14},
    {"crop": "pad", "crop_padding": 14, "border": "reflect"},
    {"flip": "random"},
    {"color_jitter": 0.4},
    {"lighting": 0.1},
    {"random_erasing": 0.5},
    {"cutout": 56},
    {"mixup": 0.5},
    {"cutmix": 1.0},
]


def sample_photographs() -> Split:
    """Scikit-learn's temple, and often its flower, which mixup is to meet: 427 x 640 pixels."""
    paths = [Path(name) for name in load_sample_images().filenames]
    files = FolderFiles(str(paths[0].parent), np.array([path.name.encode() for path in paths]))
    digests = np.zeros((len(paths), 2), np.uint64)  # nothing here compares the files
    photographs = Photographs(files, (SIDE, SIDE, 3), Framing(), digests)
    return Split(photographs, np.arange(2, dtype=np.int32), np.array([0] + 15 * [1]))


def epochs_of(photographs: Split, changes: dict[str, str | float]) -> np.ndarray:
    """The first photograph in so many epochs, side by side: `(SIDE, ?, 3)` uint8."""
    recipe = Recipe(**({"crop_padding": 0, "flip": "none", "epochs": EPOCHS} | changes))
    fill = np.round(photographs.read(np.arange(2)).mean((0, 1, 2))).astype(np.uint8)
    augment = augmenter(photographs, recipe, fill)
    strip = np.full((SIDE, EPOCHS * (SIDE + GAP), 3), 255, np.uint8)
    for epoch in range(EPOCHS):
        (image,) = augment(np.array([0]), epoch_plan(recipe, len(photographs), epoch))
        left = epoch * (SIDE + GAP)
        strip[: image.shape[0], left : left + image.shape[1]] = image
    return strip


def main() -> None:
    """Draws a row for each augmentation, and a column for each epoch."""
    photographs = sample_photographs()
    figure, rows = plt.subplots(len(ROWS), 1, figsize=(7, 1.2 * len(ROWS)), layout="constrained")
    for row, changes in zip(rows, ROWS, strict=True):
        flags = " ".join(f"--{name}={value}" for name, value in changes.items())
        row.imshow(epochs_of(photographs, changes))
        row.set_title(flags or "none of these", loc="left", fontsize=9, family="monospace", pad=2)
        row.axis("off")
    figure.savefig(
        Path(__file__).with_suffix(".jpg"), dpi=110, pil_kwargs={"quality": 75, "optimize": True}
    )


if __name__ == "__main__":
    main()
