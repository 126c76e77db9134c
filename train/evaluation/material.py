"""What a page is made of: the files of a folder, and what a command has in its hands."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from keras_resnet import families
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import parse, read_json
from train.data.dataset import Data
from train.evaluation.record import EVALUATION, read_evaluation
from train.runs import history
from train.runs.files import EVALUATIONS, RECORD, REPORT
from train.runs.record import read_record
from train.settings.recipe import Recipe

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Material:
    """Everything that a page may tell of; what is missing is left out of it."""

    folder: Path
    record: Record | None = None  # `run.json`
    history: Sequence[Mapping[str, float]] = ()  # a row for each epoch
    export: Record | None = None  # `export.json`
    evaluation: Record | None = None  # see `record.EvaluationRecord`
    data: Data | None = None
    runs: Sequence["Material"] = ()  # that are compared
    verdicts: Sequence[str] = ()  # sentences on which of them is better
    trials: Sequence[Record] = ()  # of a search, the best first, see `search.leaderboard.rows`
    costs: Mapping[str, str] = field(default_factory=dict)  # titles of columns of the trials
    search: Record | None = None  # `search.json`
    limits: Mapping[str, float] = field(default_factory=dict)  # of the costs of a search
    published: Mapping[str, Record] = field(default_factory=dict)  # like trials, by name
    command: str = ""  # that goes on from here, such as training what a search has found

    @cached_property
    def network(self) -> families.NetworkConfig | None:
        """The network of the run; `None` if this version cannot tell."""
        if self.record is None:
            return None
        try:
            return families.from_json(self.record["network"])
        except InputError:
            return None

    @cached_property
    def recipe(self) -> Recipe | None:
        """How it was trained; `None` if this version cannot tell."""
        if self.record is None:
            return None
        try:
            return parse(Recipe, self.record["recipe"])
        except InputError:
            return None

    @property
    def name(self) -> str:
        """What the page is about, for people."""
        if self.evaluation is not None and self.record is None:
            return self.evaluation["subject"]["name"]
        return self.record["model"] if self.record is not None else self.folder.name


def read_material(folder: Path, **more: Any) -> Material:
    """What the files of a run folder say, and more that is known; none of the files must be there.

    Raises:
        InputError: if one is damaged.
    """
    if folder.name in ("", ".."):  # `.` has no name, and a page needs one
        folder = Path(os.path.abspath(folder))
    record = read_record(folder) if (folder / RECORD).exists() else None
    export = read_json(folder / REPORT) if (folder / REPORT).exists() else None
    place = folder / EVALUATIONS
    evaluation = read_evaluation(place) if (place / EVALUATION).exists() else None
    given = {name: value for name, value in more.items() if value is not None}
    read: dict[str, Any] = {"export": export, "evaluation": evaluation}
    return Material(folder, record, history.read(folder), **read | given)
