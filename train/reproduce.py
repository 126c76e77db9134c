"""Repeats the experiments of the papers on CIFAR-10, and says which of their claims hold here.

`python -m train.reproduce --experiment=degradation --budget=quick` first says how long it takes.
The same command goes on after a kill; given at once in several terminals, or on machines that share
the folder, it divides the trainings among them. It writes results.csv, claims.csv, learning curves,
and README.md with all of it.
"""

from pathlib import Path
from typing import Any

from keras_resnet.utils.errors import InputError
from train import flags
from train.experiments.plans import BUDGETS, EXPERIMENTS
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.recipe import Recipe

ALL = "all"
COMMAND = flags.Command("train.reproduce", __doc__)
COMMAND.add(
    str,
    "experiment",
    "degradation",
    f"experiments, with commas between: {', '.join(EXPERIMENTS)}, {ALL}",
)
COMMAND.add(
    str, "budget", "quick",
    "; ".join(f"{name}: {budget.help}" for name, budget in BUDGETS.items()), choices=BUDGETS,
)  # fmt: skip
COMMAND.add(int, "seeds", None, "seeds of each network (default: the budget's)", low=1, high=100)
COMMAND.add_fields(DataSettings)
# The curve is that of the test images, and no epoch may be chosen by it.
COMMAND.add_fields(
    Recipe,
    without=("teacher", "temperature", "label_share", "deliver", "patience", "validation_fraction"),
)
COMMAND.add_fields(Execution)
COMMAND.add(
    str, "output_dir", None, "folder that is written (default: saved_models/papers_BUDGET)",
    **flags.PATH,
)  # fmt: skip
COMMAND.share("checkpoint_seconds")
COMMAND.add(bool, "dry_run", False, "only say what would be trained, and for how long")


def run(**settings: Any) -> list[dict[str, Any]]:
    """Repeats experiments, as the command does.

    Args:
        **settings: The flags of the command, by name.

    Returns:
        The rows of `results.csv`, which has all experiments whose networks are in the folder.

    Raises:
        InputError: for impossible settings.
    """
    return COMMAND.run(main, settings)


def main(values: flags.Values) -> list[dict[str, Any]]:
    """Says how long it takes, trains what is missing, and writes tables and pictures."""
    from train.backend import backend

    engine = backend()  # before anything else imports Keras, as it is quiet
    from train.data import sources
    from train.data.memory import keep_small
    from train.experiments import folder as folders
    from train.experiments import report, runs

    values.refuse_arguments()
    asked = flags.chosen(values.experiment, (*EXPERIMENTS, ALL), "experiment")
    names = list(EXPERIMENTS) if ALL in asked else asked
    budget = BUDGETS[values.budget]
    recipe = budget.recipe.changed(values.given(Recipe))
    execution = Execution(**values.given(Execution))
    engine.choose(execution.devices)  # before anything starts the devices
    data = keep_small(sources.load(DataSettings(**values.given(DataSettings)), 32))
    folder = Path(values.output_dir or f"saved_models/papers_{values.budget}")
    seeds = values.seeds or budget.seeds
    runner = runs.Runner(folder, data, execution, values.checkpoint_seconds)
    wanted = runs.jobs(names, values.budget, recipe, seeds)
    if values.dry_run:
        report.predict(runner, wanted)
        return []
    folders.begin_or_resume(folder, values.budget, recipe, data)
    report.predict(runner, wanted)
    failed = runs.work(runner, wanted, report.show)
    everything = runs.all_jobs(folder, values.budget, recipe, seeds)
    rows = report.write(runner, names, values.budget, recipe, everything)
    print(report.summary(names, rows, folder))
    if failed:
        name, why = next(iter(failed.items()))
        raise InputError(f"{len(failed)} of {len(wanted)} trainings failed, first {name}: {why}")
    return [row.cells() for row in rows]


if __name__ == "__main__":
    COMMAND.start(main)
