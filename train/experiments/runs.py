"""The trainings of an experiment: each a run of its own, made by whichever worker comes first."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import keras

from keras_resnet import families
from keras_resnet.families import NetworkConfig
from keras_resnet.spec import NETWORKS
from keras_resnet.utils.errors import InputError
from train.data.dataset import Data
from train.experiments.plans import EXPERIMENTS
from train.measure.step_time import time_steps
from train.runs import folder as folders
from train.runs import history, locks, results
from train.runs.difference import difference
from train.runs.files import RECORD
from train.runs.record import read_record
from train.runs.restore import model_card
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import checkpoint
from train.trainer.fitting import fit
from train.trainer.trainer import Training, adapt_recipe, adapt_to_data, prepare

RUNS = "runs"
FEWEST, ENOUGH = 5, 4.0  # steps and seconds that predict how long a training takes


class Job(NamedTuple):
    """One network, one seed."""

    name: str  # of the network, and with the seed of the folder
    network: NetworkConfig
    recipe: Recipe

    @property
    def folder(self) -> str:
        """Of the run, within the folder of all runs."""
        return f"{self.name}_seed{self.recipe.seed}"


def jobs(names: Sequence[str], budget: str, recipe: Recipe, seeds: int) -> list[Job]:
    """The trainings that experiments need, those that several need only once.

    All networks come with the first seed before any comes with the second, so that who stops early
    has something of everything.
    """
    networks = {
        slug(network): (network, EXPERIMENTS[name].rates.get(label, 1.0))
        for name in names
        for label, network in EXPERIMENTS[name].networks[budget].items()
    }
    return [
        Job(name, network, _own(recipe, seed, rate))
        for seed in range(seeds)
        for name, (network, rate) in networks.items()
    ]


def all_jobs(folder: Path, budget: str, recipe: Recipe, seeds: int) -> list[Job]:
    """The trainings of all experiments, of so many seeds, or as many as a folder has."""
    seeds_there = (re.fullmatch(r".+_seed(\d+)", path.name) for path in (folder / RUNS).glob("*"))
    found = [int(match[1]) - recipe.seed + 1 for match in seeds_there if match]
    return jobs(list(EXPERIMENTS), budget, recipe, max([seeds, *found]))


def _own(recipe: Recipe, seed: int, rate: float) -> Recipe:
    rate = float(f"{rate * recipe.learning_rate:.12g}")  # 0.01, not 0.010000000000000002
    return replace(recipe, seed=recipe.seed + seed, learning_rate=rate)


def slug(network: NetworkConfig) -> str:
    """The name of a network in paths: its own, or that by which an experiment first calls it."""
    own = (name for name, spec in NETWORKS.items() if spec == network)
    plans = (plan for experiment in EXPERIMENTS.values() for plan in experiment.networks.values())
    labels = (label for plan in plans for label, other in plan.items() if other == network)
    return re.sub(r"\W+", "_", next(chain(own, labels))).lower()


@dataclass(frozen=True)
class Runner:
    """What all trainings of an experiment are made with."""

    folder: Path  # of the experiment
    data: Data
    execution: Execution
    checkpoint_seconds: float

    def prepare(self, job: Job) -> Training:
        """Builds a training, whose curve is that of the test images, as in the papers' figures.

        Nothing is chosen by it: the last epoch is what counts, whatever the curve.
        """
        keras.utils.clear_session()  # graphs of former ones
        training = prepare(job.network, job.recipe, self.data, self.execution, job.name)
        return training._replace(held_out=self.data.test)

    def seconds(self, job: Job) -> tuple[float, float]:
        """How long a training takes to start, and an epoch of it, from some of its steps."""
        began = perf_counter()
        training = self.prepare(job)
        steps, step = time_steps(training, FEWEST, ENOUGH)
        start = max(0.0, perf_counter() - began - steps * step)
        # After each epoch the test images are scored; forward is a third of a step.
        scored = len(self.data.test) / len(self.data.train) / 3
        return start, step * training.steps * (1 + scored)

    def epochs(self, job: Job) -> int:
        """How many epochs of a training are done."""
        return len(history.read(self.path(job)))

    def record(self, job: Job) -> dict[str, Any] | None:
        """The record of a training that has come to its end, here or elsewhere.

        Raises:
            InputError: if it cannot be read, or is of another training.
        """
        folder = self.path(job)
        if not os.path.exists(folder / RECORD):
            return None
        record = read_record(folder)
        network = families.to_json(adapt_to_data(job.network, self.data))
        recipe = asdict(adapt_recipe(job.recipe, self.data))
        if differing := difference(record, {"network": network, "recipe": recipe}):
            raise InputError(
                f"{folder} holds another training ({differing}): choose another --output_dir."
            )
        return record if record["status"] == "finished" else None

    def failed(self, job: Job) -> bool:
        """Whether a training came to no end, because its loss was no longer finite, say."""
        folder = self.path(job)
        return (folder / RECORD).exists() and read_record(folder)["status"] == "failed"

    def path(self, job: Job) -> Path:
        """The folder of a training's run."""
        return self.folder / RUNS / job.folder

    def train(self, job: Job) -> None:
        """Trains a network from where it was interrupted, and scores it on the test images.

        Raises:
            Busy: if another worker is at it.
            InputError: if it fails; the record has the reason.
            Stopped: after SIGINT, SIGTERM or SIGHUP, when all is saved.
        """
        folder, training = self.path(job), self.prepare(job)
        description = training.description()
        begun = os.path.exists(folder / RECORD)  # and not finished, or it would not be trained
        elsewhere = difference(read_record(folder), description) if begun else None
        if elsewhere:
            print(f"{job.folder} was begun in another way ({elsewhere}): it is trained anew")
        with folders.record_run(folder, description, overwrite=bool(elsewhere)) as record:
            record |= {"source": self.data.source(), "curve": "test"}
            result = fit(training, folder, self.checkpoint_seconds, verbose=False)
            record |= result.outcome()
            card = model_card(description, self.data.classes)
            results.write_weights(folder, result.model, card)
            record["test"] = {"keras": results.score_model(result.model, self.data.test)}


def work(
    runner: Runner, all_jobs: Sequence[Job], show: Callable[[Job, dict[str, Any], int], None]
) -> dict[str, str]:
    """Makes all trainings, beside whatever other workers there are, and waits for theirs.

    Args:
        runner: What makes them.
        all_jobs: The trainings.
        show: What prints a record when a training has come to its end, and how many are left.

    Returns:
        By name, why some failed.
    """
    failed: dict[str, str] = {}
    while remaining := [j for j in all_jobs if j.folder not in failed and not runner.record(j)]:
        free = [job for job in remaining if not locks.is_busy(runner.path(job))]
        if not free:  # who dies leaves a training that is taken up here
            print(f"waiting for the worker in {runner.path(remaining[0])}", flush=True)
            locks.await_others(runner.path(remaining[0]))
            continue
        job = free[0]
        try:
            runner.train(job)
        except (locks.Busy, checkpoint.Damaged) as error:
            print(f"{error}", flush=True)
            continue
        except folders.Unwritable:
            raise
        except InputError as error:
            if not runner.record(job):  # else another worker has just finished it
                failed[job.folder] = str(error)
                print(f"{job.folder} failed: {error}", flush=True)
            continue
        if record := runner.record(job):
            show(job, record, len(remaining) - 1)
    return failed
