"""The folder of a finished run as a source of weights: what of its record they need."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from keras_resnet.spec.preprocessing import Preprocessing
from keras_resnet.utils.errors import InputError, sentence
from keras_resnet.utils.files import read_text, sha256
from keras_resnet.utils.labels import LABELS, read_lines
from keras_resnet.utils.schema import read

RECORD, WEIGHTS = "run.json", "model.weights.h5"


@dataclass(frozen=True)
class Record:
    """What `run.json` must say; what else it says is of no interest here."""

    __pydantic_config__: ClassVar = {"extra": "ignore", "strict": True, "allow_inf_nan": False}

    status: Literal["finished"]
    network: dict[str, Any]  # see `families.from_json`
    data: dict[str, Any]
    normalization: dict[str, list[float]]
    files: dict[str, str]  # SHA-256

    def preprocessing(self) -> Preprocessing:
        """How its network wants images."""
        side = self.data.get("image_size") or 224
        return Preprocessing(
            mean=tuple(self.normalization["mean"]),
            std=tuple(self.normalization["std"]),
            size=(side, side),
            crop_ratio=self.data.get("crop_ratio", 1.0),
            resize=self.data.get("resize", "crop"),
        )


class RunFolder(NamedTuple):
    """The weights of a finished run."""

    path: Path  # of the weights
    network: dict[str, Any]
    preprocessing: Preprocessing
    classes: tuple[str, ...]


def find(path: Path) -> Path | None:
    """The run folder that a path stands for: itself, or that of the weights in it."""
    folder = path.parent if path.name == WEIGHTS else path
    return folder if os.path.isfile(folder / RECORD) else None


def open_run(folder: Path) -> RunFolder:
    """Reads what a finished run left.

    Raises:
        InputError: if it is not finished, or its weights or labels are not those that it wrote.
    """
    try:
        record = read(Record, folder / RECORD)
        preprocessing = record.preprocessing()
        classes = read_lines(read_text(folder / LABELS))
        changed = [
            name for name in (WEIGHTS, LABELS) if sha256(folder / name) != record.files[name]
        ]
    except (InputError, OSError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is not the folder of a finished run ({sentence(error)}): train to the end, "
            f"or give a weight file."
        ) from error
    if changed:
        raise InputError(
            f"{folder / changed[0]} is not the file that was written, its SHA-256 differs from the "
            f"one in {RECORD}: put that file back, or train again."
        )
    return RunFolder(folder / WEIGHTS, record.network, preprocessing, tuple(classes))
