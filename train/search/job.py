"""What is searched, with what, and how far the search has come."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.files import sha256
from keras_resnet.utils.schema import write_json
from train.compress import distillation
from train.evaluation.words import roughly
from train.runs.environment import cpu
from train.search.budget import Budget
from train.search.forecast import Forecast
from train.search.space import Space, describe
from train.search.trial import TrialRunner
from train.settings.recipe import Recipe

FORECAST = "forecast.json"  # in the folder of the search


@dataclass
class SearchJob:
    """What is searched, with what, and how far it has come."""

    runner: TrialRunner
    space: Space
    tuner: str
    max_trials: int
    budget: Budget
    forecast: Forecast | None = None
    remaining_epochs: list[int] = field(default_factory=list)  # of each trial to come
    since: float = field(default_factory=perf_counter)  # the end of the trial before
    teachers: dict[str, Any] = field(init=False)  # as they were at the start

    def __post_init__(self):
        self.teachers = distillation.teacher_checksums(self.space.recipe)

    def description(self) -> dict[str, Any]:
        """What identifies a search; it may be given more trials, and other machines, later.

        Only where time is limited, networks have to be proposed on one kind of processor.
        """
        data, reference = self.runner.data, self.budget.reference_tflite
        return {
            "tuner": self.tuner,
            "space": self.space.description(),
            "budget": asdict(self.budget),
            "data": {"name": data.name, "sha256": data.fingerprint},
            "reference_tflite": sha256(Path(reference)) if reference else None,
            **({"processor": cpu()} if self.budget.timed else {}),
            **self.teachers,
        }

    def check_teachers(self) -> None:
        """Refuses to go on with other teachers than those of the trials before.

        Raises:
            InputError: if one is missing, or its weights have changed.
        """
        if distillation.teacher_checksums(self.space.recipe) != self.teachers:
            raise InputError(
                f"the weights of {self.space.recipe.teacher} have changed during the search: put "
                "the former ones back and give the same command again."
            )

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
            print(f"left out {describe(spec)}: {violated}", flush=True)
        return violated is None

    def record_trial(self, epochs: int, cost: int, whole: bool) -> None:
        """Takes note that a trial has ended; of how long it took if it was a whole one."""
        now = perf_counter()
        if self.forecast:
            if whole:
                self.forecast.record(epochs, cost, now - self.since)
                write_json(self.runner.folder / FORECAST, asdict(self.forecast))
            self.remaining_epochs = self.remaining_epochs[1:]
        self.since = now

    def time_left(self) -> str:
        """The time that is left, in words; nothing if that is not known."""
        if not self.forecast or not self.remaining_epochs:
            return ""
        return f"; about {roughly(self.forecast.total(self.remaining_epochs))} left"
