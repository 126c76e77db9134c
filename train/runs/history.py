"""The history of a training as its run folder has it. No Keras, no TensorFlow."""

import csv
from pathlib import Path

from keras_resnet.utils.errors import InputError
from train.runs.files import HISTORY


def read(folder: Path) -> list[dict[str, float]]:
    """The measures of each epoch, those that it has; none if there is no such file.

    A measure that was not finite is none: its cell is empty.

    Args:
        folder: Of the run.

    Raises:
        InputError: if the file is damaged.
    """
    path = folder / HISTORY
    if not path.exists():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = csv.DictReader(file, strict=True)
            rows = [{key: float(text) for key, text in row.items() if text} for row in lines]
            if not all("epoch" in row for row in rows):
                raise ValueError("a row has no epoch")
            return rows
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}): remove it.") from error
