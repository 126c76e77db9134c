"""A trial: a run like those of `train.cifar`, in a folder of its own, without test images."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import keras
import numpy as np
from pydantic import with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from keras_resnet import families
from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import parse
from train.compress import distillation
from train.data.dataset import Data
from train.runs import folder as folders
from train.runs import locks
from train.runs.difference import difference
from train.runs.files import RECORD
from train.runs.record import OPEN, read_record, write_record
from train.search.cost_meter import CostMeter
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import checkpoint
from train.trainer.fitting import fit
from train.trainer.trainer import Training, adapt_to_data, prepare

TRIALS = "trials"
IDENTITY = ("network", "recipe", "data", "teachers")  # the same training, on whatever machine


@with_config(OPEN)
class LastEpoch(TypedDict):
    """What a search reads of the last epoch of a trial."""

    val_accuracy: float


@with_config(OPEN)
class TrialOutcome(TypedDict):
    """What the record of a finished trial must have beside that of any run."""

    last_epoch: LastEpoch
    seconds: float
    costs: dict[str, float]


class Trial(NamedTuple):
    """A training of a search, ready to begin."""

    folder: Path
    training: Training
    description: dict[str, Any]  # of the run

    def finished_record(self) -> dict[str, Any] | None:
        """The record, if this network was trained on this data by this recipe before, anywhere."""
        record = _read(self.folder)
        identity = {key: self.description[key] for key in IDENTITY if key in self.description}
        done = record and record["status"] == "finished" and not difference(record, identity)
        return record if done else None

    def can_resume(self) -> bool:
        """Whether the folder holds an unfinished run of the same description, to go on with."""
        record = _read(self.folder)
        return bool(record) and not difference(record or {}, self.description)


@dataclass(frozen=True)
class TrialRunner:
    """What all trials of a search are made with."""

    folder: Path  # of the search
    data: Data
    execution: Execution
    meter: CostMeter
    checkpoint_seconds: float

    def adapt_to_data(self, spec: Spec) -> Spec:
        """A network for this data.

        Raises:
            InputError: if its images are too small for it.
        """
        return cast(Spec, adapt_to_data(spec, self.data))

    def has_trial(self, name: str) -> bool:
        """Whether there is anything of a trial."""
        return (self.folder / TRIALS / name).exists()

    def train(
        self, name: str, spec: Spec, recipe: Recipe, show: keras.callbacks.Callback
    ) -> dict[str, Any]:
        """Trains a trial, from where it was interrupted if it was.

        Args:
            name: Of the trial.
            spec: The network, adapted to the data.
            recipe: How to train it.
            show: A callback that prints progress.

        Returns:
            The record of the run; of one that was finished before, as it is.

        Raises:
            InputError: if it fails; the record has the reason.
            Stopped: after SIGINT, SIGTERM or SIGHUP, when all is saved.
        """
        locks.await_others(self.folder / TRIALS / name)  # a worker that outlived its chief
        trial = self.prepare(name, spec, recipe)
        if record := trial.finished_record():
            return record
        try:
            # The folder is the search's own: runs of other settings or machines are overwritten.
            return self.run(trial, show, overwrite=not trial.can_resume())
        except checkpoint.Damaged as error:
            print(f"{error}", flush=True)
            return self.run(self.prepare(name, spec, recipe), show, overwrite=True)

    def prepare(self, name: str, spec: Spec, recipe: Recipe) -> Trial:
        """Builds a trial; if that fails, records it as failed and raises the error.

        Raises:
            InputError: if it cannot be trained on this data.
        """
        folder = self.folder / TRIALS / name
        keras.utils.clear_session()  # graphs of former trials
        try:
            training = prepare(spec, recipe, self.data, self.execution, f"trial {name}")
        except Exception as error:
            record = {"status": "failed", "model": f"trial {name}", "reason": folders.reason(error)}
            network = families.to_json(spec)
            write_record(folder, record | {"network": network, "recipe": asdict(recipe)})
            raise
        description = training.description() | distillation.teacher_checksums(recipe)
        return Trial(folder, training, description)

    def run(self, trial: Trial, show: keras.callbacks.Callback, overwrite: bool) -> dict[str, Any]:
        """Measures, trains and records a trial; returns the record."""
        if overwrite and trial.folder.exists():  # the search's own: it needs no record to go
            folders.empty(trial.folder)
        with folders.record_run(trial.folder, trial.description, overwrite=False) as record:
            record["source"] = self.data.source()
            record["costs"] = self.meter.known(cast(Spec, trial.training.network))
            targets = self.teacher_targets(trial.training)
            result = fit(
                trial.training, trial.folder, self.checkpoint_seconds, [show], False, targets
            )
            record |= result.outcome()
        return record

    def teacher_targets(self, training: Training) -> np.ndarray | None:
        """The teachers' predictions, kept for all trials; `None` if there are no teachers."""
        return distillation.teacher_targets(training, self.folder / distillation.TEACHER_CACHE)


def read_trial(folder: Path) -> dict[str, Any]:
    """Reads the record of a trial.

    Raises:
        InputError: if it is missing, damaged, or not that of a trial.
    """
    record = read_record(folder)
    if record["status"] == "finished":
        parse(TrialOutcome, record, str(folder / RECORD))
    return record


def _read(folder: Path) -> dict[str, Any] | None:
    """The record in a folder, if there is one that can be read."""
    try:
        return read_trial(folder) if (folder / RECORD).exists() else None
    except InputError as error:
        print(f"{error} It is begun anew.", flush=True)
        return None
