"""A search: KerasTuner chooses the points, and each trial is a run like those of `train.cifar`."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import keras
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FailedTrialError

from keras_resnet import Spec, macs
from keras_resnet.errors import InputError
from train import distillation, engine, front, oracles, run
from train.budget import Budget, Meter, written
from train.data import Data
from train.devices import Execution
from train.forecast import Forecast
from train.line import Line, in_words
from train.recipe import Recipe
from train.space import Space, described

SEARCH, STATE, FORECAST = "search.json", "state", "forecast.json"
CHIEF, WORKER, ALONE = "chief", "worker", "alone"
VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


def role() -> str:
    """What this process is to a search, from KerasTuner's environment variables.

    Raises:
        InputError: if only some of them are set.
    """
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if len(missing) == len(VARIABLES):
        return ALONE
    if missing:
        raise InputError(
            f"{missing[0]} is not set: a search with many workers needs all of "
            f"{', '.join(VARIABLES)}."
        )
    return CHIEF if "chief" in os.environ[VARIABLES[0]] else WORKER


@dataclass
class Job:
    """All that trials have in common."""

    folder: Path
    space: Space
    tuner: str
    max_trials: int
    data: Data
    execution: Execution
    budget: Budget
    meter: Meter
    checkpoint_seconds: float = 60.0
    forecast: Forecast | None = None
    to_come: list[int] = field(default_factory=list)  # epochs of trials that were not yet ended

    def description(self) -> dict[str, Any]:
        """What identifies a search; it may be given more trials later."""
        return {
            "tuner": self.tuner,
            "space": asdict(self.space),
            "budget": asdict(self.budget),
            "dataset": {"name": self.data.name, "sha256": self.data.fingerprint()},
            "execution": asdict(self.execution.resolved()),
        }

    def point(self, values: dict[str, Any]) -> tuple[Spec, Recipe]:
        """The network, for this data, and the recipe at a point.

        Raises:
            InputError: if there is none.
        """
        spec, recipe = self.space.point(values)
        spec = replace(spec, input_shape=self.data.shape, classes=len(self.data.classes))
        spec.check_size(*self.data.shape[:2])
        epochs = values.get("tuner/epochs", recipe.epochs)  # Hyperband's
        return spec, replace(recipe, epochs=epochs)

    def left(self) -> str:
        """The time that is left, in words; nothing if that is not known."""
        if not self.forecast or not self.to_come:
            return ""
        return f"; about {in_words(self.forecast.total(self.to_come))} left"

    def exists(self, values: dict[str, Any], measure: bool = True) -> bool:
        """Whether there is a network at a point: its parts go together."""
        try:
            self.point(values)
        except InputError:
            return False
        return True

    def fits(self, values: dict[str, Any], measure: bool) -> bool:
        """Whether there is one within the budget, see `Meter.excess`."""
        if not self.exists(values):
            return False
        spec, _ = self.point(values)
        try:
            return self.meter.excess(spec, measure) is None
        except InputError as error:
            print(f"left out {described(spec)}: {error}", flush=True)
            return False


class Search(BaseTuner):
    """KerasTuner's loop over our trials, alone or as one of many workers."""

    def __init__(self, oracle, job: Job):
        self.job, self.role = job, role()
        super().__init__(oracle, directory=str(job.folder), project_name=STATE)

    def _populate_initial_space(self) -> None:
        # KerasTuner looks for a file that a kill in the first trial leaves unwritten.
        if self.role != WORKER:
            self.oracle.reload()

    def save(self) -> None:
        """The state is the oracle's."""
        if self.role != WORKER:
            self.oracle.save()

    def pre_create_trial(self) -> None:
        """Asks not too often while other workers have to finish first."""
        if self.role == WORKER:
            sleep(1)

    def run_trial(self, trial, verbose: int = 0) -> dict[str, float]:
        """Trains a point, or reads what came of it if it was trained already."""
        spec, recipe = self.job.point(trial.hyperparameters.values)
        begin = perf_counter()
        show = Line(self._title(trial.trial_id, spec), self._best(), self.job.left)
        try:
            record = train(self.job, trial.trial_id, spec, recipe, show)
        except InputError as error:
            show.end(f"failed: {error}")
            raise FailedTrialError(str(error)) from error
        except Exception as error:
            show.end(f"failed: {error!r}")
            raise
        accuracy = record["last_epoch"][front.ACCURACY]
        if self.job.forecast:
            self.job.forecast.ended(recipe.epochs, macs(spec), perf_counter() - begin)
            self.job.to_come = self.job.to_come[1:]
            run.write_json(self.job.folder / FORECAST, asdict(self.job.forecast))
        show.end(f"{accuracy:.2%}; {written(record['costs'])}")
        return {oracles.OBJECTIVE: accuracy, **record["costs"]}

    def on_trial_end(self, trial) -> None:
        """Notes the outcome, and brings the leaderboard up to date."""
        super().on_trial_end(trial)
        if self.role == ALONE:
            front.write(self.job.folder, front.rows(self.job.folder))

    def _title(self, name: str, spec: Spec) -> str:
        return f"trial {name}, {int(name) + 1} of {self.job.max_trials}: {described(spec)}"

    def _best(self) -> str:
        scores = [trial.score for trial in self.oracle.get_best_trials(1) if trial.score]
        return f"best {scores[0]:.2%}" if scores else "the first"


def train(job: Job, name: str, spec: Spec, recipe: Recipe, show: Line) -> dict[str, Any]:
    """Trains a trial in a run folder of its own, from where it was interrupted if it was.

    Returns:
        The record of the run.

    Raises:
        InputError: if it fails; the record has the reason.
    """
    folder = job.folder / front.TRIALS / name
    keras.utils.clear_session()  # graphs of former trials
    run.await_others(folder)  # a worker that works on for a chief that was started anew
    training = engine.prepare(spec, recipe, job.data, job.execution)
    description = training.description(f"trial {name}", job.data)
    if (folder / run.RECORD).exists():
        record = run.read_record(folder)
        if record["status"] == "finished" and not run.difference(record, description):
            return record
    with run.recording(folder, description, overwrite=False) as record:
        record["costs"] = job.meter.all(training.spec)
        targets = distillation.targets(training, job.folder / distillation.SAID)
        result = engine.fit(
            training, folder, job.checkpoint_seconds, [show], verbose=False, targets=targets
        )
        record["last_epoch"] = result.last_epoch
        record["seconds"] = result.progress.seconds
        record["images_per_second"] = result.images_per_second
    return record


def begin(job: Job) -> None:
    """Claims a folder for a search, or takes it up again.

    Raises:
        InputError: if another search, or something else, is there.
    """
    path, here = job.folder / SEARCH, job.description()
    if not path.exists():
        foreign = [entry.name for entry in job.folder.iterdir() if entry.name != run.LOCK]
        if foreign:
            raise InputError(
                f"{job.folder} holds {foreign[0]!r} but no {SEARCH}: choose another --output_dir."
            )
        run.write_json(path, here)
        return
    there = run.read_json(path)
    if differing := run.difference(there, here):
        raise InputError(
            f"{job.folder} already holds another search ({differing}): give the flags that began "
            "it, or choose another --output_dir."
        )


def conclude(job: Job, table: Sequence[front.Row], data: str, size: str) -> None:
    """Writes what was found, and prints it.

    Args:
        job: The search.
        table: Its trials, see `front.rows`.
        data: The flags that name the data, for the commands that are printed.
        size: The flag that scales them.

    Raises:
        InputError: if no trial was finished.
    """
    front.write(job.folder, table)
    if not table or front.ACCURACY not in table[0]:
        reasons = {row["reason"] for row in table if row["reason"]}
        raise InputError(
            f"no trial of {len(table)} was finished{': ' if reasons else ''}{'; '.join(reasons)}. "
            "Widen the budget or the ranges, or choose another --output_dir."
        )
    front.draw(job.folder, table, job.budget, job.meter, job.data.name)
    best = table[0]
    spec = Spec(**run.read_record(job.folder / front.TRIALS / best["trial"])["spec"])
    print(
        f"The best of {len(table)} trials is {best['trial']}: {described(spec)}; "
        f"{best[front.ACCURACY]:.2%} of the validation images after {best['epochs']} epochs; "
        f"{written(best)}.\nAll trials: {job.folder / front.LEADERBOARD}, "
        f"{job.folder / front.PICTURE}. To train it in full and export it:"
    )
    name = job.folder / "best"
    print(
        f"  python -m train.cifar --spec={job.folder / front.BEST}{data}{size} --epochs=100 "
        f"--validation_fraction=0 --output_dir={name}\n"
        f"  python -m train.export --run={name}{data} --formats=int8"
    )
