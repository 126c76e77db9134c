"""Records of runs as JSON: written whole or not at all, read strictly. No Keras, no TensorFlow."""

import json
from pathlib import Path
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from keras_resnet.export.files import LABELS, read_lines
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import parse

RECORD = "run.json"


class DataRecord(TypedDict):
    """The data of a run."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # type: ignore[misc]  # noqa: RUF012

    name: str
    image_size: int  # side of the images; 0 if they are not square
    sha256: str  # of classes, images and labels


class NormalizationRecord(TypedDict):
    """What the model of a run subtracts from each channel, 0 to 255, and divides it by then."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # type: ignore[misc]  # noqa: RUF012

    mean: list[float]
    std: list[float]


class RunRecord(TypedDict):
    """`run.json`: what identifies a run, and what came of it."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # type: ignore[misc]  # noqa: RUF012

    status: Literal["training", "finished", "failed"]
    model: str  # name of the network, for people
    network: dict[str, Any]  # see `keras_resnet.families.from_json`
    recipe: dict[str, Any]
    data: NotRequired[DataRecord]
    execution: NotRequired[dict[str, Any]]
    normalization: NotRequired[NormalizationRecord]
    teachers: NotRequired[dict[str, str]]  # SHA-256 of the weights in each folder
    source: NotRequired[dict[str, str]]  # where the data were read from: dataset and data_dir
    versions: NotRequired[dict[str, str]]
    hardware: NotRequired[dict[str, Any]]
    costs: NotRequired[dict[str, float]]  # of a trial
    last_epoch: NotRequired[dict[str, float | None]]
    seconds: NotRequired[float]  # of training
    images_per_second: NotRequired[float | None]
    test: NotRequired[dict[str, dict[str, float]]]  # scores by format
    reason: NotRequired[str]  # why it failed


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Writes `run.json`, whole or not at all."""
    write_json(folder / RECORD, record)


def read_record(folder: Path) -> dict[str, Any]:
    """Reads `run.json`.

    Raises:
        InputError: if it is missing, damaged, or not the record of a run.
    """
    path = folder / RECORD
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise InputError(f"no {path}: {str(folder)!r} is not a run folder.") from None
    if "network" not in content:
        raise InputError(f"{path} is not the record of a run: train again.")
    parse(RunRecord, content, str(path))
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON file; what is no object is read as an empty one.

    Raises:
        FileNotFoundError: if it is missing.
        InputError: if it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    except NotADirectoryError:
        raise FileNotFoundError(path) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}).") from error


def read_classes(folder: Path) -> list[str]:
    """Reads the names of the classes that a run's model distinguishes.

    Raises:
        InputError: if the run has not got that far.
    """
    try:
        return read_lines((folder / LABELS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        status = read_record(folder)["status"]
        raise InputError(f"no {folder / LABELS}: the run is {status!r}, not finished.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{folder / LABELS} is damaged ({error}): train again.") from error


def difference(there: dict[str, Any], here: dict[str, Any]) -> str | None:
    """In words, the first setting in which a record differs from a description.

    Args:
        there: A record as it was read; it may have more keys than the description.
        here: The description, as it would be written.
    """
    here = json.loads(json.dumps(here))
    keys = (key for key in here if there.get(key) != here[key])
    return next((_words(key, there.get(key), here[key]) for key in keys), None)


def _words(name: str, there: Any, here: Any) -> str:
    """Down to the setting in which two values differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        key = next(key for key in there | here if there.get(key) != here.get(key))
        return _words(f"{name}.{key}", there.get(key), here.get(key))
    return f"{name} {there!r}, not {here!r}"
