"""Records of runs as JSON: written whole or not at all, read strictly. No Keras, no TensorFlow."""

import json
from pathlib import Path
from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from keras_resnet import __version__, families
from keras_resnet.export.files import read_lines
from keras_resnet.families import NetworkConfig
from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.utils.schema import parse, read_json, write_json
from train.data.dataset import Normalization
from train.runs.files import LABELS, RECORD
from train.settings.execution import Execution
from train.settings.recipe import Recipe

STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(STRICT)
class DataRecord(TypedDict):
    """The data of a run."""

    name: str
    image_size: int  # side of the images; 0 if they are not square
    sha256: str  # of classes, images and labels


@with_config(STRICT)
class RunRecord(TypedDict):
    """`run.json`: what identifies a run, and what came of it."""

    status: Literal["training", "finished", "failed"]
    model: str  # name of the network, for people
    network: dict[str, Any]  # see `keras_resnet.families.from_json`
    recipe: Recipe
    data: NotRequired[DataRecord]
    execution: NotRequired[Execution]
    normalization: NotRequired[Normalization]
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


@with_config(ConfigDict(extra="ignore", strict=True))
class SpecRecord(TypedDict):
    """What `--spec` reads of `best.json` or `run.json`."""

    network: dict[str, Any]
    recipe: Recipe


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
    try:
        parse(RunRecord, content, str(path))
    except InputError as error:
        raise InputError(f"{error} {_origin(content)}") from error
    return content


def _origin(content: Any) -> str:
    """In words, what to do with a record that cannot be read."""
    try:
        version = content["versions"]["keras_resnet"]
    except (KeyError, TypeError):
        return "It is not the record of a run of this version: train again."
    return (
        f"It was written by version {version} of keras_resnet, and this is {__version__}: use that "
        "version, or train again."
    )


def read_spec(path: Path) -> tuple[NetworkConfig, Recipe]:
    """Reads the network and the recipe of `best.json`, as `train.tune` wrote it, or a `run.json`.

    Raises:
        InputError: if it is missing, damaged, or of something else.
    """
    try:
        content = parse(SpecRecord, read_json(path))
        return families.from_json(content["network"]), content["recipe"]
    except FileNotFoundError as error:
        raise InputError(f"no file {path}: run train.tune first.") from error
    except InputError as error:
        raise InputError(
            f"{path} holds no network and recipe ({str(error).rstrip('.')}): give the best.json of "
            "a search."
        ) from error


def read_classes(folder: Path) -> list[str]:
    """Reads the names of the classes that a run's model distinguishes.

    Raises:
        InputError: if the run has not got that far.
    """
    try:
        return read_lines((folder / LABELS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise missing(folder / LABELS) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{folder / LABELS} is damaged ({error}): train again.") from error


def missing(file: Path) -> InputError:
    """Why a run folder lacks a file, and what to do."""
    status = read_record(file.parent)["status"]
    if status == "finished":
        return InputError(
            f"no {file}: the run is finished, so it was removed; put it back, or train again."
        )
    return InputError(f"no {file}: the run is not finished ({status}); give its command again.")


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
    if isinstance(there, list) and isinstance(here, list):
        there, here = _by_name(there), _by_name(here)
    if isinstance(there, dict) and isinstance(here, dict):
        key = next(key for key in there | here if there.get(key) != here.get(key))
        return _words(f"{name}.{key}", there.get(key), here.get(key))
    return f"{name} {shorten(there)}, not {shorten(here)}"


def _by_name(rows: list[Any]) -> dict[str, Any]:
    """The rows of a table by their names, those without one by their numbers."""
    return {
        str(row.get("name", i) if isinstance(row, dict) else i): row for i, row in enumerate(rows)
    }
