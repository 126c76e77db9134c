"""A search: KerasTuner's loop over our trials, alone or with many workers."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import grpc
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FailedTrialError, FatalError

from keras_resnet import Spec, macs
from keras_resnet.errors import InputError
from keras_resnet.files import sha256
from train import distillation, front, run, workers
from train.budget import Budget, written
from train.engine import ACCURACY
from train.environment import cpu
from train.forecast import Forecast
from train.line import Line, in_words
from train.recipe import Recipe
from train.space import Space, described
from train.trial import Bench

SEARCH, STATE, FORECAST = "search.json", "state", "forecast.json"
ENDED = "ended_with"  # a key of the first: the most trials that were asked for
PROCESSOR = "processor"  # another, where time is limited


@dataclass
class Job:
    """What is searched, with what, and how far it has come."""

    bench: Bench
    space: Space
    tuner: str
    max_trials: int
    budget: Budget
    forecast: Forecast | None = None
    to_come: list[int] = field(default_factory=list)  # epochs of trials that were not yet ended
    since: float = field(default_factory=perf_counter)  # the end of the trial before

    def description(self) -> dict[str, Any]:
        """What identifies a search; it may be given more trials, and other machines, later.

        Only where time is limited, networks have to be proposed on one kind of processor.
        """
        data = self.bench.data
        timed = {"latency_ms", "relative"} & {*self.budget.limited}
        return {
            "tuner": self.tuner,
            "space": asdict(self.space),
            "budget": asdict(self.budget),
            "dataset": {"name": data.name, "sha256": data.fingerprint()},
            "rival": sha256(Path(self.budget.rival)) if self.budget.rival else None,
            **({PROCESSOR: cpu()} if timed else {}),
            **distillation.identity(self.space.recipe),
        }

    def point(self, values: dict[str, Any]) -> tuple[Spec, Recipe]:
        """The network, for this data, and the recipe at a point.

        Raises:
            InputError: if there is none.
        """
        spec, recipe = self.space.point(values)
        epochs = values.get("tuner/epochs", recipe.epochs)  # Hyperband's
        return self.bench.fitted(spec), replace(recipe, epochs=epochs)

    def impossible(self, values: dict[str, Any]) -> str:
        """In words, why there is no network or recipe at a point; empty if there is."""
        try:
            self.point(values)
        except InputError as error:
            return str(error)
        return ""

    def fits(self, values: dict[str, Any], measure: bool) -> bool:
        """Whether there is one within the budget, see `Meter.excess`."""
        try:
            spec, _ = self.point(values)
        except InputError:
            return False
        try:
            excess = self.bench.meter.excess(spec, measure)
        except InputError as error:
            excess = str(error)
        if excess and measure:  # which takes seconds
            print(f"left out {described(spec)}: {excess}", flush=True)
        return excess is None

    def ended(self, epochs: int, cost: int, whole: bool) -> None:
        """Takes note that a trial has ended; of how long it took if it was a whole one."""
        now = perf_counter()
        if self.forecast:
            if whole:
                self.forecast.ended(epochs, cost, now - self.since)
                run.write_json(self.bench.folder / FORECAST, asdict(self.forecast))
            self.to_come = self.to_come[1:]
        self.since = now

    def left(self) -> str:
        """The time that is left, in words; nothing if that is not known."""
        if not self.forecast or not self.to_come:
            return ""
        return f"; about {in_words(self.forecast.total(self.to_come))} left"


class Search(BaseTuner):
    """KerasTuner's loop; a trial is a run of the bench."""

    def __init__(self, oracle, job: Job):
        self.job, self.role = job, workers.role()
        super().__init__(oracle, directory=str(job.bench.folder), project_name=STATE)

    def _populate_initial_space(self) -> None:
        # KerasTuner looks for a file that a kill in the first trial leaves unwritten.
        if self.role != workers.WORKER:
            self.oracle.reload()

    def save(self) -> None:
        """The state is the oracle's."""
        if self.role != workers.WORKER:
            self.oracle.save()

    def pre_create_trial(self) -> None:
        """Asks not too often while other workers have to finish first."""
        if self.role == workers.WORKER:
            sleep(1)

    def _run_and_update_trial(self, trial, *arguments, **settings) -> None:
        try:
            super()._run_and_update_trial(trial, *arguments, **settings)
        except grpc.RpcError as error:  # which is not the point's fault
            raise FatalError(workers.lost(error)) from error

    def run_trial(self, trial, verbose: int = 0) -> dict[str, float]:
        """Trains a point, or reads what came of it if it was trained already.

        Raises:
            FailedTrialError: if the trial fails.
            FatalError: if nothing can be written, which is not the point's fault.
        """
        name, bench = trial.trial_id, self.job.bench
        spec, recipe = self.job.point(trial.hyperparameters.values)
        fresh = not bench.begun(name)
        title = f"trial {name}, {int(name) + 1} of {self.job.max_trials}: {described(spec)}"
        show = Line(title, self._best(), self.job.left)
        whole, said = False, "stopped"
        try:
            record = bench.train(name, spec, recipe, show)
            whole, said = fresh, f"{record['last_epoch'][ACCURACY]:.2%}; {written(record['costs'])}"
        except run.Unwritable as error:
            raise FatalError(str(error)) from error
        except Exception as error:
            said = f"failed: {error}"
            raise FailedTrialError(str(error)) from error
        finally:
            self.job.ended(recipe.epochs, macs(spec), whole)
            show.end(said)
        return {ACCURACY: record["last_epoch"][ACCURACY], **record["costs"]}

    def on_trial_end(self, trial) -> None:
        """Notes the outcome, and brings the leaderboard up to date."""
        super().on_trial_end(trial)
        if self.role == workers.ALONE:
            folder = self.job.bench.folder
            front.write(folder, front.rows(folder))

    def _best(self) -> str:
        scores = [trial.score for trial in self.oracle.get_best_trials(1) if trial.score]
        return f"best before {scores[0]:.2%}" if scores else "the first"


def begin(job: Job) -> None:
    """Claims a folder for a search, or takes it up again.

    Raises:
        InputError: if another search, or something else, is there.
    """
    folder = job.bench.folder
    if not (folder / SEARCH).exists():
        names = [path.name for path in folder.iterdir() if path.name != run.LOCK]
        foreign = [name for name in names if not name.startswith(".partial-")]
        if foreign:
            raise InputError(
                f"{folder} holds {foreign[0]!r} but no {SEARCH}: choose another --output_dir."
            )
        run.write_json(folder / SEARCH, job.description())
    _compare(job)


def join(job: Job) -> None:
    """Waits for the chief to begin the search that this worker is for.

    Raises:
        InputError: if that is another one.
    """
    path = job.bench.folder / SEARCH
    if not path.exists():
        print(f"waiting for the chief to write {path}", flush=True)
    while not path.exists():
        sleep(1)
    _compare(job)


def end(job: Job) -> None:
    """Notes that there is no further trial: an oracle cannot always tell from what it has kept."""
    run.write_json(job.bench.folder / SEARCH, job.description() | {ENDED: job.max_trials})


def ended(job: Job) -> bool:
    """Whether it has ended, with as many trials as may be."""
    return run.read_json(job.bench.folder / SEARCH).get(ENDED) == job.max_trials


def _compare(job: Job) -> None:
    path, here = job.bench.folder / SEARCH, job.description()
    try:
        there = run.read_json(path)
    except InputError as error:
        print(f"{error} The flags given now are taken for those that began the search.")
        run.write_json(path, here)
        return
    if job.bench.meter.shared:  # the chief measures, and workers train on any processor
        here.pop(PROCESSOR, None)
    if differing := run.difference(there, here):
        raise InputError(
            f"{job.bench.folder} already holds another search ({differing}): give the flags that "
            "began it, or choose another --output_dir."
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
    folder = job.bench.folder
    front.write(folder, table)
    if not table or ACCURACY not in table[0]:
        reason = next((f": {row['reason'].rstrip('.')}" for row in table if row["reason"]), "")
        raise InputError(
            f"no trial of {len(table)} was finished{reason}. Widen the budget or the ranges, or "
            "choose another --output_dir."
        )
    front.draw(folder, table, job.budget, job.bench.meter, job.bench.data.name)
    best = table[0]
    spec = Spec(**run.read_json(folder / front.BEST)["spec"])
    print(
        f"The best of {len(table)} trials is {best['trial']}: {described(spec)}; "
        f"{best[ACCURACY]:.2%} of the validation images after {best['epochs']} epochs; "
        f"{written(best)}.\nAll trials: {folder / front.LEADERBOARD}, {folder / front.PICTURE}. "
        "To train it in full and export it:"
    )
    name = shlex.quote(str(folder / "best"))
    print(
        f"  python -m train.cifar --spec={name}.json{data}{size} --epochs=100 "
        f"--validation_fraction=0 --output_dir={name}\n"
        f"  python -m train.export --run={name}{data} --formats=int8"
    )
