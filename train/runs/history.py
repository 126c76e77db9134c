"""The history of a training as its run folder has it. No Keras, no TensorFlow."""

import csv
import io
import os
from pathlib import Path

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.files import read_text
from train.runs.files import HISTORY


def read(folder: Path) -> list[dict[str, float]]:
    """The measures of each epoch, those that it has; none if there is no such file.

    A measure that was not finite is none: its cell is empty.

    Args:
        folder: Of the run.

    Raises:
        InputError: if the file is damaged.
        OSError: if it cannot be read.
    """
    path = folder / HISTORY
    if not os.path.exists(path):
        return []
    text = read_text(path)
    try:
        lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = [{key: float(cell) for key, cell in row.items() if cell} for row in lines]
        if not all("epoch" in row for row in rows):
            raise ValueError("a row has no epoch")
        return rows
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}): remove it.") from error
