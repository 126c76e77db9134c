"""KerasTuner's ways to choose the next trial, held to a budget and safe to kill.

KerasTuner 1.4.8 writes its state in place, so that a kill leaves half a file with which no search
starts: https://github.com/keras-team/keras-tuner/issues/1055 is one case of several. Here a state
is written whole, the one before it is kept, and what was interrupted is found by its status.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial
from sklearn.exceptions import ConvergenceWarning

from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.schema import read_json
from train.search.space import Space
from train.trainer.checkpoint import ACCURACY

DRAWS = 10_000  # points to look at for one that fits the budget, as far as formulas say
MEASURED = 50  # of those, for one that fits when it is measured, which takes seconds
CANDIDATES = 200  # of them for Bayesian optimisation to choose from

Values = dict[str, Any]
Fits = Callable[[Values, bool], bool]  # whether a point fits, and whether to measure for that


def hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """What a space leaves open, as KerasTuner names it."""
    made = keras_tuner.HyperParameters()
    for row in space.searched:
        if row.values:
            made.Choice(row.name, list(row.values))
        else:
            kind = made.Int if isinstance(row.low, int) else made.Float
            kind(row.name, row.low, row.high, sampling="log" if row.logarithmic else "linear")
    return made


class Budgeted(keras_tuner.Oracle):
    """An oracle that proposes only what fits a budget, and whose state survives a kill."""

    fits: Fits

    def _random_values(self) -> Values | None:
        """A new random point that fits; `None` if none is found."""
        promising = islice(self.draws(), MEASURED)
        return next((values for values in promising if self.fits(values, True)), None)

    def draws(self) -> Iterator[Values]:
        """Random points that are new and fit as far as formulas say."""
        for _ in range(DRAWS):
            values = super()._random_values()
            if values is None:
                return
            if self.fits(values, False):
                yield values

    def save(self) -> None:
        """Writes the state, whole; the one before it is kept."""
        _write(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        _write(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self) -> None:
        """Takes up a search again; trials that were interrupted come first."""
        for folder in sorted(Path(self._project_dir).glob("trial_*")):
            _read(folder / "trial.json", self._take)
        if _read(Path(self._get_oracle_fname()), self.set_state):
            # What a state from before a trial does not know will be drawn again, and be the same.
            for name in self.trials.keys() - set(self.start_order):
                del self.trials[name]
        for trial in self.trials.values():  # so that no point is tried twice
            self._record_values(trial)
        self.ongoing_trials.clear()
        self.tuner_ids.clear()
        # KerasTuner's own list may be older than the trials.
        unfinished = [name for name, trial in self.trials.items() if trial.status == "RUNNING"]
        self._retry_queue = sorted(unfinished, reverse=True)  # it takes the last one

    def _take(self, state: Values) -> None:
        trial = Trial.from_state(state)
        self.trials[trial.trial_id] = trial


class RandomOracle(Budgeted, keras_tuner.oracles.RandomSearchOracle):
    """Points by chance."""


class HyperbandOracle(Budgeted, keras_tuner.oracles.HyperbandOracle):
    """Many points trained shortly; the better ones again, for longer (Li et al. 2018).

    Each time from the start and with a whole schedule: KerasTuner's way of going on from the
    weights restarts the optimizer.
    """

    def _random_trial(self, trial_id: str, bracket: Values) -> Values:
        found = super()._random_trial(trial_id, bracket)
        if found["status"] == "STOPPED":
            print(
                f"Hyperband would begin with {self._get_size(bracket['bracket_num'], 0)} points, "
                "and finds no further one: better ones are not trained for longer. Search all "
                "points of a small space with --tuner=random.",
                flush=True,
            )
        return found

    def epochs(self) -> list[int]:
        """The epochs of all trials of the search, as far as none fails."""
        return [
            self._get_epochs(bracket, number)
            for bracket in reversed(range(self._get_num_brackets()))
            for number in range(self._get_num_rounds(bracket))
            for _ in range(self._get_size(bracket, number))
        ]


class BayesianOracle(Budgeted, keras_tuner.oracles.BayesianOptimizationOracle):
    """A Gaussian process chooses, among random points that fit, the most promising one."""

    def populate_space(self, trial_id: str) -> Values:
        """The next point: by chance for up to a third, then by upper confidence bound."""
        done = [trial for trial in self.trials.values() if trial.status == "COMPLETED"]
        first = max(3, min(3 * len(self.hyperparameters.space), self.max_trials // 3))
        if len(done) < first:
            return self._random_populate_space()
        draws = self.draws()
        candidates = list(islice(draws, CANDIDATES))
        if candidates:
            space = self._nonfixed_space()
            places = [[hp.value_to_prob(values[hp.name]) for hp in space] for values in candidates]
            with warnings.catch_warnings():  # to few points any length of the kernel may fit
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.gpr.fit(*self._vectorize_trials())
            mean, deviation = self.gpr.predict(np.array(places), return_std=True)
            order = np.argsort(mean - self.beta * deviation)  # KerasTuner minimizes
            candidates = [candidates[place] for place in order]
        fitting = (values for values in candidates if self.fits(values, False))
        promising = islice(fitting, MEASURED)  # what was measured for one of them is known by then
        best = next((values for values in promising if self.fits(values, True)), None)
        return {"status": "RUNNING" if best else "STOPPED", "values": best}


def choose(
    tuner: str, space: Space, fits: Fits, max_trials: int
) -> RandomOracle | HyperbandOracle | BayesianOracle:
    """Makes the oracle of a search.

    Args:
        tuner: A key of `train.search.TUNERS`.
        space: What is searched. Its recipe's epochs are those of a trial, or of the longest.
        fits: Whether a point may be tried; the second argument is whether to measure for that.
        max_trials: When to end; Hyperband may end before.
    """
    settings: dict[str, Any] = {
        "objective": keras_tuner.Objective(ACCURACY, "max"),
        "hyperparameters": hyperparameters(space),
        "seed": space.recipe.seed + 1,  # KerasTuner takes 0 for none
        "max_consecutive_failed_trials": max_trials + 1,  # a failure does not end a search
    }
    oracle: RandomOracle | HyperbandOracle | BayesianOracle
    if tuner == "hyperband":
        oracle = HyperbandOracle(max_epochs=space.recipe.epochs, **settings)
        oracle.max_trials = max_trials
    elif tuner == "random":
        oracle = RandomOracle(max_trials=max_trials, **settings)
    else:
        oracle = BayesianOracle(max_trials=max_trials, **settings)
    oracle.fits = fits
    oracle.verbose = 0
    return oracle


def remaining_epochs(oracle, space: Space) -> list[int]:
    """The epochs of each trial that has not ended, as far as is known beforehand."""
    known = isinstance(oracle, HyperbandOracle)
    epochs = oracle.epochs() if known else [space.recipe.epochs] * oracle.max_trials
    ended = sum(trial.status != "RUNNING" for trial in oracle.trials.values())
    return epochs[ended : oracle.max_trials]


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _write(path: Path, state: Values) -> None:
    if path.exists():
        path.replace(_previous(path))
    for each in (path, _previous(path)):
        if not each.exists():
            with replacing(each) as partial:
                partial.write_text(json.dumps(state))


def _read(path: Path, take: Callable[[Values], None]) -> bool:
    """Gives `take` the newest state that is whole; says if there is none, or what is damaged."""
    for there in (path, _previous(path)):
        try:
            take(read_json(there))
            return True
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            print(f"{there} is damaged ({error!r}): going back to what was before it.")
    return False
