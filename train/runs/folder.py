"""The run folder: who owns it, and what may be removed from it."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_resnet.utils.atomic import PARTIAL, remove
from keras_resnet.utils.errors import InputError, sentence
from train.runs.difference import difference
from train.runs.environment import environment
from train.runs.files import CHECKPOINTS, HISTORY, LOCK, RECORD, STAGING, TENSORBOARD, is_ours
from train.runs.locks import locked
from train.runs.record import file_sums, read_record, write_record
from train.settings.recipe import Recipe


class Unwritable(InputError):
    """A folder cannot be written to."""


def check_folder(folder: Path, record: str) -> None:
    """Refuses a folder with anything in it, unless a record there proves that it is ours.

    Raises:
        InputError: if there is such a thing, or the folder may not be looked into.
    """
    with explain_write_errors(folder):
        if not folder.is_dir() or (folder / record).exists():
            return
        names = [path.name for path in folder.iterdir() if path.name != LOCK]
    foreign = [name for name in names if not name.startswith(PARTIAL)]
    if foreign:
        raise InputError(
            f"{folder} holds {min(foreign)!r} but no {record}: choose another --output_dir."
        )


@contextmanager
def record_run(
    folder: Path, description: dict[str, Any], overwrite: bool
) -> Iterator[dict[str, Any]]:
    """Claims a folder for a run, and keeps the record of it.

    The checkpoints of an unfinished run of the same description are kept, to go on from there; at
    the end of a run they are removed.

    Args:
        folder: Made if missing.
        description: What identifies a run, see `Training.description`.
        overwrite: Whether to remove another run that is there.

    Yields:
        The record, to be completed: it is written at the start with status `training`, and at the
        end with `finished`, or `failed` and the reason.

    Raises:
        InputError: if the folder holds something else, or another run that may not go, if another
            process is writing there, or if it cannot be written to.
    """
    with explain_write_errors(folder, overwrite):
        folder.mkdir(parents=True, exist_ok=True)
        check_claim(folder, description, overwrite)  # before it, so that no lock is left behind
        with locked(folder):
            check_claim(folder, description, overwrite)  # what came in between
            empty(folder, overwrite)
            record = {"status": "training", **description, **environment()}
            record = json.loads(json.dumps(record))  # as it will be read
            write_record(folder, record)
            try:
                yield record
                record |= {"status": "finished", "files": file_sums(folder)}
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
def claim_folder(folder: Path) -> Iterator[None]:
    """Owns a folder while files are written to it; it is made if missing.

    Raises:
        InputError: if another process owns it, or it cannot be written to.
    """
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            yield


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """An empty folder within a run folder, for files that are not to be seen before all are whole.

    It is removed at the end, with what was not delivered.
    """
    staged = folder / STAGING
    remove(staged)
    staged.mkdir()
    try:
        yield staged
    finally:
        remove(staged)


def deliver(staged: Path, folder: Path) -> None:
    """Moves finished files to a run folder, over those of the same names.

    The record goes last. Who is killed in between leaves files that are not those of the record,
    which `record.intact` tells everyone who is going to use them.
    """
    for path in sorted(staged.iterdir(), key=lambda path: path.name == RECORD):
        if path.is_dir():  # a folder cannot be replaced in one go
            remove(folder / path.name)
        path.replace(folder / path.name)


@contextmanager
def explain_write_errors(folder: Path, overwrite: bool = False) -> Iterator[None]:
    """Turns errors of writing to a folder into a sentence; who goes on must not overwrite again."""
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed
        raise
    except OSError as error:
        reason, what = error.strerror or sentence(error), error.filename or folder
        if _has_checkpoint(folder):
            without = " without --overwrite" if overwrite else ""
            raise Unwritable(
                f"cannot write to {what} ({reason}): the last checkpoint is kept; make room and "
                f"give the same command again{without}."
            ) from error
        raise Unwritable(
            f"cannot write to {what} ({reason}): make room, or choose another folder."
        ) from error


def _has_checkpoint(folder: Path) -> bool:
    try:
        return any(folder.glob(f"{CHECKPOINTS}/[0-9]*"))
    except OSError:  # who may not enter a folder has written none there
        return False


def check_claim(folder: Path, description: dict[str, Any], overwrite: bool = False) -> None:
    """Refuses a folder that `record_run` would refuse, so that nothing is computed in vain.

    Raises:
        InputError: if it holds something else, or another run that may not go; or if it may not be
            looked into.
    """
    with explain_write_errors(folder):
        if not folder.is_dir():
            return
        names = sorted(entry.name for entry in folder.iterdir())
    foreign = [name for name in names if not is_ours(name)]
    if foreign:
        raise InputError(
            f"{folder} holds {foreign[0]!r}, which does not belong to a run: choose another "
            "--output_dir."
        )
    kept = [name for name in names if name != LOCK and not name.startswith(PARTIAL)]
    if kept and RECORD not in kept:
        raise InputError(
            f"{folder} holds {kept[0]!r} but no {RECORD}, which would prove that it is of a run: "
            "choose another --output_dir, or remove it by hand."
        )
    if kept:
        _check_run(folder, description, overwrite)


def _check_run(folder: Path, description: dict[str, Any], overwrite: bool) -> None:
    """Only an unfinished run of the very same description may go on unasked."""
    try:
        there = read_record(folder)
    except InputError as error:
        raise InputError(
            f"{folder} holds a run whose {RECORD} cannot be read ({str(error).rstrip('.')}): "
            "choose another --output_dir, or remove the folder by hand."
        ) from error
    differing = difference(there, description)
    if not overwrite and there["status"] == "finished" and _longer(there, description):
        raise InputError(
            f"{folder} already holds this run, finished after {_epochs(there)} epochs, "
            "and its schedule has come to its end: to train on from its weights, with a schedule "
            "of its own, choose another --output_dir, and add "
            f"--weights={shlex.quote(str(folder))}."
        )
    if not overwrite and (there["status"] == "finished" or differing):
        what = f"another run ({differing})" if differing else "this run, finished"
        raise InputError(
            f"{folder} already holds {what}: choose another --output_dir, or add --overwrite to "
            "replace it."
        )


def _longer(there: dict[str, Any], here: dict[str, Any]) -> bool:
    """Whether a description is that of a run, but for more epochs."""
    if "recipe" not in here or _epochs(here) <= _epochs(there):
        return False
    recipe = here["recipe"] | {"epochs": _epochs(there)}
    return difference(there, here | {"recipe": recipe}) is None


def _epochs(record: dict[str, Any]) -> int:
    """Of the schedule of a record, which may leave a default out."""
    return record["recipe"].get("epochs", Recipe.epochs)


def empty(folder: Path, overwrite: bool = True) -> None:
    """Removes what is of a run; not the checkpoints of one that goes on, nor what is foreign."""
    names = {entry.name for entry in folder.iterdir() if is_ours(entry.name)} - {LOCK}
    if not overwrite:
        names -= {RECORD, CHECKPOINTS, HISTORY, TENSORBOARD}
    for name in sorted(names, key=RECORD.__eq__):  # the record last, as it tells what this is
        remove(folder / name)
