"""The folder of a finished run as a source of weights: what of its record they need."""

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
    return folder if (folder / RECORD).is_file() else None


def open_run(folder: Path) -> RunFolder:
    """Reads what a finished run left.

    Raises:
        InputError: if it is not finished, or its weights are not those that it wrote.
    """
    place, weights = folder / RECORD, folder / WEIGHTS
    try:
        record = read(Record, place)
        preprocessing = record.preprocessing()
        classes = read_lines(read_text(folder / LABELS))
        intact = sha256(weights) == record.files[WEIGHTS]
    except (InputError, OSError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is not the folder of a finished run ({sentence(error)}): train to the end, "
            f"or give a weight file."
        ) from error
    if not intact:
        raise InputError(
            f"{weights} is not the file that was written, its SHA-256 differs from the one in "
            f"{RECORD}: put that file back, or train again."
        )
    return RunFolder(weights, record.network, preprocessing, tuple(classes))
