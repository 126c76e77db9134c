"""What is searched, how far the search has come, and its folder."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from keras_resnet import families
from keras_resnet.spec import Spec
from keras_resnet.utils.atomic import sha256
from keras_resnet.utils.errors import InputError
from train.compress import distillation
from train.runs.environment import cpu
from train.runs.folder import LOCK
from train.runs.record import difference, read_json, write_json
from train.search import leaderboard
from train.search.forecast import Forecast
from train.search.limits import Budget, written
from train.search.pareto_plot import PICTURE, plot_pareto
from train.search.progress import in_words
from train.search.space import Space, described
from train.search.trial import TrialRunner
from train.settings.recipe import Recipe
from train.trainer.trainer import ACCURACY

SEARCH, STATE, FORECAST = "search.json", "state", "forecast.json"
ENDED = "ended_with"  # a key of the first: the most trials that were asked for
PROCESSOR = "processor"  # another, where time is limited


@dataclass
class SearchJob:
    """What is searched, with what, and how far it has come."""

    runner: TrialRunner
    space: Space
    tuner: str
    max_trials: int
    budget: Budget
    forecast: Forecast | None = None
    remaining_epochs: list[int] = field(
        default_factory=list
    )  # epochs of trials that were not yet ended
    since: float = field(default_factory=perf_counter)  # the end of the trial before

    def description(self) -> dict[str, Any]:
        """What identifies a search; it may be given more trials, and other machines, later.

        Only where time is limited, networks have to be proposed on one kind of processor.
        """
        data, reference = self.runner.data, self.budget.reference_tflite
        timed = {"latency_ms", "latency_ratio"} & {*self.budget.limited}
        return {
            "tuner": self.tuner,
            "space": self.space.description(),
            "budget": asdict(self.budget),
            "data": {"name": data.name, "sha256": data.fingerprint()},
            "reference_tflite": sha256(Path(reference)) if reference else None,
            **({PROCESSOR: cpu()} if timed else {}),
            **distillation.teacher_checksums(self.space.recipe),
        }

    def point(self, values: dict[str, Any]) -> tuple[Spec, Recipe]:
        """The network, for this data, and the recipe at a point.

        Raises:
            InputError: if there is none.
        """
        spec, recipe = self.space.point(values)
        epochs = values.get("tuner/epochs", recipe.epochs)  # Hyperband's
        return self.runner.adapt_to_data(spec), replace(recipe, epochs=epochs)

    def impossible(self, values: dict[str, Any]) -> str:
        """In words, why there is no network or recipe at a point; empty if there is."""
        try:
            self.point(values)
        except InputError as error:
            return str(error)
        return ""

    def fits(self, values: dict[str, Any], measure: bool) -> bool:
        """Whether there is one within the budget, see `CostMeter.violated_limit`."""
        try:
            spec, _ = self.point(values)
        except InputError:
            return False
        try:
            violated = self.runner.meter.violated_limit(spec, measure)
        except InputError as error:
            violated = str(error)
        if violated and measure:  # which takes seconds
            print(f"left out {described(spec)}: {violated}", flush=True)
        return violated is None

    def record_trial(self, epochs: int, cost: int, whole: bool) -> None:
        """Takes note that a trial has ended; of how long it took if it was a whole one."""
        now = perf_counter()
        if self.forecast:
            if whole:
                self.forecast.ended(epochs, cost, now - self.since)
                write_json(self.runner.folder / FORECAST, asdict(self.forecast))
            self.remaining_epochs = self.remaining_epochs[1:]
        self.since = now

    def left(self) -> str:
        """The time that is left, in words; nothing if that is not known."""
        if not self.forecast or not self.remaining_epochs:
            return ""
        return f"; about {in_words(self.forecast.total(self.remaining_epochs))} left"


def claim_folder(job: SearchJob) -> None:
    """Claims a folder for a search, or takes it up again.

    Raises:
        InputError: if another search, or something else, is there.
    """
    folder = job.runner.folder
    if not (folder / SEARCH).exists():
        names = [path.name for path in folder.iterdir() if path.name != LOCK]
        foreign = [name for name in names if not name.startswith(".partial-")]
        if foreign:
            raise InputError(
                f"{folder} holds {foreign[0]!r} but no {SEARCH}: choose another --output_dir."
            )
        write_json(folder / SEARCH, job.description())
    _compare(job)


def wait_for_chief(job: SearchJob) -> None:
    """Waits for the chief to begin the search that this worker is for.

    Raises:
        InputError: if that is another one.
    """
    path = job.runner.folder / SEARCH
    if not path.exists():
        print(f"waiting for the chief to write {path}", flush=True)
    while not path.exists():
        sleep(1)
    _compare(job)


def mark_complete(job: SearchJob) -> None:
    """Notes that there is no further trial: an oracle cannot always tell from what it has kept."""
    write_json(job.runner.folder / SEARCH, job.description() | {ENDED: job.max_trials})


def is_complete(job: SearchJob) -> bool:
    """Whether it has ended, with as many trials as may be."""
    return read_json(job.runner.folder / SEARCH).get(ENDED) == job.max_trials


def _compare(job: SearchJob) -> None:
    path, here = job.runner.folder / SEARCH, job.description()
    try:
        there = read_json(path)
    except InputError as error:
        print(f"{error} The flags given now are taken for those that began the search.")
        write_json(path, here)
        return
    if job.runner.meter.shared:  # the chief measures, and workers train on any processor
        here.pop(PROCESSOR, None)
    if differing := difference(there, here):
        raise InputError(
            f"{job.runner.folder} already holds another search ({differing}): give the flags that "
            "began it, or choose another --output_dir."
        )


def write_summary(job: SearchJob, table: Sequence[leaderboard.Row], data: str, size: str) -> None:
    """Writes what was found, and prints it.

    Args:
        job: The search.
        table: Its trials, see `leaderboard.rows`.
        data: The flags that name the data, for the commands that are printed.
        size: The flag that scales them.

    Raises:
        InputError: if no trial was finished.
    """
    folder = job.runner.folder
    leaderboard.measure_front(table, folder, job.runner.meter)
    leaderboard.write(folder, table)
    if not table or ACCURACY not in table[0]:
        reason = next((f": {row['reason'].rstrip('.')}" for row in table if row["reason"]), "")
        raise InputError(
            f"no trial of {len(table)} was finished{reason}. Widen the budget or the ranges, or "
            "choose another --output_dir."
        )
    plot_pareto(folder, table, job.budget, job.runner.meter, job.runner.data.name)
    best = table[0]
    spec = families.from_json(read_json(folder / leaderboard.BEST)["network"])
    print(
        f"The best of {len(table)} trials is {best['trial']}: {described(spec)}; "
        f"{best[ACCURACY]:.2%} of the validation images after {best['epochs']} epochs; "
        f"{written(best)}.\nAll trials: {folder / leaderboard.LEADERBOARD}, {folder / PICTURE}. "
        "To train it in full and export it:"
    )
    name = shlex.quote(str(folder / "best"))
    print(
        f"  python -m train.cifar --spec={name}.json{data}{size} --epochs=100 "
        f"--validation_fraction=0 --output_dir={name}\n"
        f"  python -m train.export --run={name}{data} --formats=int8"
    )
