"""The run folder: who owns it, and `run.json`, the record of what happens in it."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from keras_resnet.errors import InputError
from keras_resnet.files import remove, replacing
from keras_resnet.formats import FORMATS
from keras_resnet.metadata import LABELS, read_lines
from train.environment import environment

RECORD, HISTORY, CURVES = "run.json", "history.csv", "curves.png"
WEIGHTS, TENSORBOARD, LOCK = "model.weights.h5", "tensorboard", ".lock"
CHECKPOINTS = "checkpoints"
REPORT, PICTURE = "export.json", "export.png"
FILES = {row.file for row in FORMATS.values()}
FILES |= {RECORD, LABELS, HISTORY, CURVES, WEIGHTS, TENSORBOARD, CHECKPOINTS, LOCK}
FILES |= {REPORT, PICTURE}


# What TensorFlow makes of the system's errors; others of its own speak of computations.
UNWRITTEN = (
    OSError, tf.errors.FailedPreconditionError, tf.errors.NotFoundError, tf.errors.OutOfRangeError,
    tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError, tf.errors.UnknownError,
)  # fmt: skip


class Unwritable(InputError):
    """A folder cannot be written to."""


@contextmanager
def recording(
    folder: Path, description: dict[str, Any], overwrite: bool
) -> Iterator[dict[str, Any]]:
    """Claims a folder for a run, and keeps the record of it.

    The checkpoints of an unfinished run of the same description are kept, to go on from there; at
    the end of a run they are removed.

    Args:
        folder: Made if missing.
        description: Model, spec, recipe, data...: what identifies a run.
        overwrite: Whether to remove another run that is there.

    Yields:
        The record, to be completed: it is written at the start with status `training`, and at the
        end with `finished`, or `failed` and the reason.

    Raises:
        InputError: if the folder holds something else, or another run that may not go, if another
            process is writing there, or if it cannot be written to.
    """
    with _in_words(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        with _locked(folder):
            _empty(folder, description, overwrite)
            record = {"status": "training", **description, **environment()}
            write_record(folder, record)
            try:
                yield record
                record["status"] = "finished"
                write_record(folder, record)
                remove(folder / CHECKPOINTS)
            except Exception as error:
                record |= {"status": "failed", "reason": reason(error)}
                raise
            finally:
                write_record(folder, record)


def reason(error: Exception) -> str:
    """Why something failed, for a record."""
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Owns a folder while files are written to it; it is made if missing.

    Raises:
        InputError: if another process owns it, or it cannot be written to.
    """
    with _in_words(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            yield


def await_others(folder: Path) -> None:
    """Waits until no other process writes to a folder."""
    if (folder / LOCK).exists():
        with in_turn(folder / LOCK):
            pass


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Waits until no other process is in here with the same file, which is made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as lock:  # writable, as network file systems want
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """Says in a sentence that a folder cannot be written to."""
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed
        raise
    except UNWRITTEN as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", error)
        what = getattr(error, "filename", None) or folder
        if list(folder.glob(f"{CHECKPOINTS}/[0-9]*")):
            raise Unwritable(
                f"cannot write to {what} ({reason}): the last checkpoint is kept; make room and "
                "give the same command again."
            ) from error
        raise Unwritable(
            f"cannot write to {what} ({reason}): make room, or choose another folder."
        ) from error


def _refuse_foreign(folder: Path) -> None:
    """A run has a folder of its own: what is in it may be removed with it."""
    names = {entry.name for entry in folder.iterdir()} - FILES
    foreign = [name for name in sorted(names) if not name.startswith(".partial-")]
    if foreign:
        raise InputError(
            f"{folder} holds {foreign[0]!r}, which does not belong to a run: choose another "
            "--output_dir."
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder; the system unlocks it if this one dies."""
    with open(folder / LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another process is writing to {folder}: wait for it, or choose another "
                "--output_dir."
            ) from None
        yield


def _empty(folder: Path, description: dict[str, Any], overwrite: bool) -> None:
    """Removes the run in a folder, if it may go, but for the checkpoints of the very same one."""
    names = {entry.name for entry in folder.iterdir()} - {LOCK}
    kept = [name for name in sorted(names) if not name.startswith(".partial-")]
    if not overwrite and RECORD in names:
        _refuse_another(folder, description)
        names -= {RECORD, CHECKPOINTS, HISTORY, TENSORBOARD}
    elif not overwrite and kept:
        raise InputError(
            f"{folder} holds {kept[0]!r} but no {RECORD}: choose another --output_dir, or add "
            "--overwrite to replace it."
        )
    for name in sorted(names, key=RECORD.__eq__):  # the record last, as it tells what this is
        remove(folder / name)


def _refuse_another(folder: Path, description: dict[str, Any]) -> None:
    """Only an unfinished run of the very same description may go on unasked."""
    try:
        there = read_record(folder)
    except InputError as error:
        raise InputError(
            f"{folder} holds a run whose {RECORD} cannot be read: choose another --output_dir, or "
            "add --overwrite to replace it."
        ) from error
    differing = difference(there, description)
    if there.get("status") == "finished" or differing:
        what = f"another run ({differing})" if differing else "this run, finished"
        raise InputError(
            f"{folder} already holds {what}: choose another --output_dir, or add --overwrite to "
            "replace it."
        )


def difference(there: dict[str, Any], here: dict[str, Any]) -> str | None:
    """In words, the first setting in which a record differs from a description.

    Args:
        there: A record, as it was read; what the description does not speak of may be in it.
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
        InputError: if it is missing or damaged.
    """
    try:
        record = read_json(folder / RECORD)
    except FileNotFoundError:
        raise InputError(f"no {folder / RECORD}: {str(folder)!r} is not a run folder.") from None
    if "spec" not in record:
        raise InputError(f"{folder / RECORD} is not the record of a run: train again.")
    return record


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON file.

    Raises:
        FileNotFoundError: if it is missing.
        InputError: if it cannot be read.
    """
    try:
        content = json.loads(path.read_text())
        return content if isinstance(content, dict) else {}
    except NotADirectoryError:
        raise FileNotFoundError(path) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}).") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}).") from error


def read_classes(folder: Path) -> list[str]:
    """Reads the names of the classes that a run's model distinguishes.

    Raises:
        InputError: if the run has not got that far.
    """
    try:
        return read_lines((folder / LABELS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        status = read_record(folder).get("status")
        raise InputError(f"no {folder / LABELS}: the run is {status!r}, not finished.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{folder / LABELS} is damaged ({error}): train again.") from error
