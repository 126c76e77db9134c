"""A trial: a run like those of `train.cifar`, in a folder of its own, without test images."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resnet import Spec
from keras_resnet.errors import InputError
from train import checkpoint, distillation, engine, run
from train.budget import Meter
from train.data import Data
from train.devices import Execution
from train.line import Line
from train.recipe import Recipe

TRIALS = "trials"
IDENTITY = ("spec", "recipe", "dataset")  # the same training, on whatever machine


@dataclass(frozen=True)
class Bench:
    """What all trials of a search are made with."""

    folder: Path  # of the search
    data: Data
    execution: Execution
    meter: Meter
    checkpoint_seconds: float

    def fitted(self, spec: Spec) -> Spec:
        """A network for this data.

        Raises:
            InputError: if its images are too small for it.
        """
        spec = replace(spec, input_shape=self.data.shape, classes=len(self.data.classes))
        spec.check_size(*self.data.shape[:2])
        return spec

    def begun(self, name: str) -> bool:
        """Whether there is anything of a trial."""
        return (self.folder / TRIALS / name).exists()

    def train(self, name: str, spec: Spec, recipe: Recipe, show: Line) -> dict[str, Any]:
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
        run.await_others(folder)  # a worker that works on for a chief that was started anew
        keras.utils.clear_session()  # graphs of former trials
        try:
            training = engine.prepare(spec, recipe, self.data, self.execution)
        except Exception as error:
            self._note(folder, name, spec, recipe, run.reason(error))
            raise
        description = training.description(f"trial {name}", self.data)
        description |= distillation.identity(recipe)
        there = self._there(folder)
        identity = {key: description[key] for key in IDENTITY}
        if there and there["status"] == "finished" and not run.difference(there, identity):
            return there
        # The folder is the search's own: what came from other points or machines may go.
        overwrite = not there or bool(run.difference(there, description))
        try:
            return self._run(folder, description, training, show, overwrite)
        except checkpoint.Damaged as error:
            print(f"{error}", flush=True)
            training = engine.prepare(spec, recipe, self.data, self.execution)
            return self._run(folder, description, training, show, True)

    def _run(self, folder, description, training, show, overwrite: bool) -> dict[str, Any]:
        with run.recording(folder, description, overwrite) as record:
            record["costs"] = self.meter.all(training.spec)
            targets = self.ask(training)
            result = engine.fit(
                training, folder, self.checkpoint_seconds, [show], verbose=False, targets=targets
            )
            record["last_epoch"] = result.last_epoch
            record["seconds"] = result.progress.seconds
            record["images_per_second"] = result.images_per_second
        return record

    def ask(self, training: engine.Training) -> np.ndarray | None:
        """What teachers say, kept for all trials; `None` if there are none."""
        return distillation.targets(training, self.data.classes, self.folder / distillation.SAID)

    def _there(self, folder: Path) -> dict[str, Any] | None:
        """The record in a folder, if there is one that can be read."""
        try:
            return run.read_record(folder) if (folder / run.RECORD).exists() else None
        except InputError as error:
            print(f"{error} It is begun anew.", flush=True)
            return None

    def _note(self, folder: Path, name: str, spec: Spec, recipe: Recipe, reason: str) -> None:
        """Records a trial that could not even begin."""
        record = {"status": "failed", "model": f"trial {name}", "reason": reason}
        run.write_record(folder, record | {"spec": asdict(spec), "recipe": asdict(recipe)})
