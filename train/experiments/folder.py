"""The folder of experiments: what it was begun with, so that no other is mixed into it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from pydantic import with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import read, write_json
from train.data.dataset import Data
from train.runs.difference import difference
from train.runs.files import LOCK
from train.runs.folder import check_folder, explain_write_errors
from train.runs.locks import file_lock
from train.runs.record import STRICT
from train.settings.recipe import Recipe

RECORD = "experiments.json"


@with_config(STRICT)
class ExperimentsRecord(TypedDict):
    """What all trainings in the folder have in common."""

    budget: str
    recipe: Recipe
    data: dict[str, str]


def begin_or_resume(folder: Path, budget: str, recipe: Recipe, data: Data) -> None:
    """Begins experiments in a folder, or takes them up again.

    Raises:
        InputError: if others, or something else, are there, or it cannot be written to.
    """
    check_folder(folder, RECORD)  # before the lock, so that none is left behind
    here: dict[str, Any] = {"budget": budget, "recipe": asdict(recipe)}
    here |= {"data": {"name": data.name, "sha256": data.fingerprint}}
    with explain_write_errors(folder), file_lock(folder / LOCK):
        check_folder(folder, RECORD)
        if not (folder / RECORD).exists():
            write_json(folder / RECORD, here)
        there = cast(dict, read(ExperimentsRecord, folder / RECORD))
    there |= {"recipe": asdict(there["recipe"])}
    if differing := difference(there, here):
        raise InputError(
            f"{folder} already holds other experiments ({differing}): give the flags that began "
            "them, or choose another --output_dir."
        )
