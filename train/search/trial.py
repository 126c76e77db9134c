"""A trial: a run like those of `train.cifar`, in a folder of its own, without test images."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np

from keras_resnet import families
from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from train.compress import distillation
from train.data.dataset import Data
from train.runs import folder as folders
from train.runs.record import RECORD, difference, read_record, write_record
from train.search.budget import CostMeter
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import checkpoint, trainer

TRIALS = "trials"
IDENTITY = ("network", "recipe", "data")  # the same training, on whatever machine


@dataclass(frozen=True)
class TrialRunner:
    """What all trials of a search are made with."""

    folder: Path  # of the search
    data: Data
    execution: Execution
    meter: CostMeter
    checkpoint_seconds: float

    def fitted(self, spec: Spec) -> Spec:
        """A network for this data.

        Raises:
            InputError: if its images are too small for it.
        """
        return cast(Spec, trainer.fitted(spec, self.data))

    def begun(self, name: str) -> bool:
        """Whether there is anything of a trial."""
        return (self.folder / TRIALS / name).exists()

    def train(
        self, name: str, spec: Spec, recipe: Recipe, show: keras.callbacks.Callback
    ) -> dict[str, Any]:
        """Trains a trial, from where it was interrupted if it was.

        Args:
            name: Of the trial.
            spec: The network, fitted.
            recipe: How to train it.
            show: Shows how far it is.

        Returns:
            The record of the run; of one that was finished before, as it is.

        Raises:
            InputError: if it fails; the record has the reason.
        """
        folder = self.folder / TRIALS / name
        folders.await_others(folder)  # a worker that works on for a chief that was started anew
        try:
            training = self._prepare(name, spec, recipe)
        except Exception as error:
            self._record_failure(folder, name, spec, recipe, folders.reason(error))
            raise
        description = training.description() | distillation.teacher_checksums(recipe)
        there = self._read(folder)
        identity = {key: description[key] for key in IDENTITY}
        if there and there["status"] == "finished" and not difference(there, identity):
            return there
        # The folder is the search's own: what came from other points or machines may go.
        overwrite = not there or bool(difference(there, description))
        try:
            return self._run(folder, description, training, show, overwrite)
        except checkpoint.Damaged as error:
            print(f"{error}", flush=True)
            training = self._prepare(name, spec, recipe)
            return self._run(folder, description, training, show, True)

    def _prepare(self, name: str, spec: Spec, recipe: Recipe) -> trainer.Training:
        keras.utils.clear_session()  # graphs of former trials
        return trainer.prepare(spec, recipe, self.data, self.execution, f"trial {name}")

    def _run(self, folder, description, training, show, overwrite: bool) -> dict[str, Any]:
        with folders.record_run(folder, description, overwrite) as record:
            record["costs"] = self.meter.known(training.network)
            targets = self.teacher_targets(training)
            result = trainer.fit(
                training, folder, self.checkpoint_seconds, [show], verbose=False, targets=targets
            )
            record |= result.outcome()
        return record

    def teacher_targets(self, training: trainer.Training) -> np.ndarray | None:
        """The teachers' predictions, kept for all trials; `None` if there are no teachers."""
        return distillation.teacher_targets(training, self.folder / distillation.TEACHER_CACHE)

    def _read(self, folder: Path) -> dict[str, Any] | None:
        """The record in a folder, if there is one that can be read."""
        try:
            return read_record(folder) if (folder / RECORD).exists() else None
        except InputError as error:
            print(f"{error} It is begun anew.", flush=True)
            return None

    def _record_failure(
        self, folder: Path, name: str, spec: Spec, recipe: Recipe, reason: str
    ) -> None:
        """Records a trial that could not even begin."""
        record = {"status": "failed", "model": f"trial {name}", "reason": reason}
        network = families.to_json(spec)
        write_record(folder, record | {"network": network, "recipe": asdict(recipe)})
