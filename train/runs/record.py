"""Records of runs as JSON: written whole or not at all, read strictly. No Keras, no TensorFlow."""

from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from keras_resnet import __version__, families
from keras_resnet.families import NetworkConfig
from keras_resnet.spec.config import MOST_SIDE
from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.utils.files import check_regular, read_text, sha256
from keras_resnet.utils.labels import check_labels, read_lines
from keras_resnet.utils.schema import parse, read_json, write_json
from train.data.statistics import Normalization
from train.runs.files import LABELS, RECORD, SUMMED
from train.settings.execution import Execution
from train.settings.recipe import Recipe

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
OPEN = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)  # there may be more


@with_config(STRICT)
class DataRecord(TypedDict):
    """The data of a run."""

    name: str
    # Side of the images; 0 if they are not square.
    image_size: Annotated[int, Field(ge=0, le=MOST_SIDE)]
    resize: NotRequired[str]  # with the next two, see `DataSettings`
    crop_ratio: NotRequired[float]
    skip_unreadable: NotRequired[bool]
    sha256: str  # of classes, images and labels


@with_config(STRICT)
class SourceRecord(TypedDict):
    """Where the data of a run were read from."""

    dataset: str
    data_dir: str


@with_config(STRICT)
class WeightsRecord(TypedDict):
    """The weights that a run began from, if not from random ones."""

    source: str  # as it was given
    sha256: str  # of the file
    head: Literal["kept", "new"]


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
    weights: NotRequired[WeightsRecord]
    teachers: NotRequired[dict[str, str]]  # SHA-256 of the weights in each folder
    source: NotRequired[SourceRecord]
    survey: NotRequired[dict[str, Any]]  # of train.finetune, see `train.data.survey.Survey`
    head: NotRequired[dict[str, float]]  # likewise, see `train.transfer.head.Head`
    plan: NotRequired[dict[str, Any]]  # likewise: `minutes` and `head_only`, as they were asked for
    recall: NotRequired[dict[str, float]]  # likewise, of the test images of each class, 0 to 1
    versions: NotRequired[dict[str, str]]
    hardware: NotRequired[dict[str, Any]]
    costs: NotRequired[dict[str, float]]  # of a trial
    # Whose measures `val_` are in the history, if not of training images held out.
    curve: NotRequired[Literal["test"]]
    last_epoch: NotRequired[dict[str, float | None]]
    delivered_epoch: NotRequired[int]  # whose weights the files have, from 1; 0 for a head alone
    seconds: NotRequired[float]  # of training
    images_per_second: NotRequired[float | None]
    test: NotRequired[dict[str, dict[str, float]]]  # scores by format
    reason: NotRequired[str]  # why it failed
    files: NotRequired[dict[str, str]]  # SHA-256 of what is read again, by name in the folder


@with_config(OPEN)
class FinishedRecord(TypedDict):
    """What the record of a finished run must have, so that its model can be used."""

    data: DataRecord
    normalization: Normalization
    files: dict[str, str]


@with_config(OPEN)
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
    _check(RunRecord, content, path)
    try:
        families.from_json(content["network"])
    except InputError as error:
        raise InputError(f"{path}: network: {error} {_origin(content)}") from error
    return content


def read_finished(folder: Path) -> dict[str, Any]:
    """Reads the `run.json` of a run whose model can be used.

    Raises:
        InputError: if there is no such record, or the run has not come to its end.
    """
    record = read_record(folder)
    if record["status"] != "finished":
        why = f" ({record['reason']})" if record.get("reason") else ""
        raise InputError(
            f"the run in {folder} has not come to its end, its status is {record['status']!r}"
            f"{why}: train it to the end."
        )
    _check(FinishedRecord, record, folder / RECORD)
    channels = families.from_json(record["network"]).input_shape[2]
    mean, std = (record["normalization"][key] for key in ("mean", "std"))
    if not len(mean) == len(std) == channels or not all(value > 0 for value in std):
        raise InputError(
            f"{folder / RECORD}: normalization must have a mean and a std above 0 for each of "
            f"{channels} channels; got {shorten(mean)} and {shorten(std)}. {_origin(record)}"
        )
    return record


def _check(cls: Any, content: Any, path: Path) -> None:
    try:
        parse(cls, content, str(path))
    except InputError as error:
        raise InputError(f"{error} {_origin(content)}") from error


def _origin(content: Any) -> str:
    """In words, what to do with a record that cannot be read."""
    try:
        version = content["versions"]["keras_resnet"]
    except (KeyError, TypeError, IndexError):
        version = None
    if not isinstance(version, str) or version == __version__:
        return "It is not the record of a run as this version writes it: train again."
    return (
        f"It was written by version {version[:20]} of keras_resnet, and this is {__version__}: use "
        "that version, or train again."
    )


def file_sums(folder: Path) -> dict[str, str]:
    """For a record: the SHA-256 of each file in the folder of a run that is read again."""
    return {name: sha256(folder / name) for name in SUMMED if (folder / name).exists()}


def intact(folder: Path, record: dict[str, Any], name: str) -> Path:
    """The path of a file of a finished run, if it is the one that was written.

    Raises:
        InputError: if it is missing, or differs from the one that the record knows.
    """
    path, known = folder / name, record["files"].get(name)
    if known is None and path.exists():
        raise InputError(
            f"{folder / RECORD} knows no {name}, so that it cannot be checked: make it again with "
            "train.export."
        )
    try:
        if not path.is_dir():
            check_regular(path)
        found = sha256(path)
    except FileNotFoundError:
        raise InputError(f"no {path}: make it with train.export, or train again.") from None
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): make it readable.") from error
    if found != known:
        raise InputError(
            f"{path} is not the file that was written, its SHA-256 differs from the one in "
            f"{RECORD}: put that file back, export again, or train again."
        )
    return path


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


def read_classes(folder: Path, record: dict[str, Any]) -> list[str]:
    """Reads the names of the classes that the model of a finished run distinguishes.

    Args:
        folder: Of the run.
        record: Its record, as `read_finished` gave it.

    Raises:
        InputError: if these are not its classes.
    """
    path = folder / LABELS
    try:
        names = read_lines(read_text(path))
    except FileNotFoundError:
        raise InputError(f"no {path}: put it back, or train again.") from None
    try:
        check_labels(names, families.from_json(record["network"]).classes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    intact(folder, record, LABELS)
    return names
