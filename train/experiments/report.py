"""What is said and written of experiments: how long they take, how far they are, what came out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train.evaluation.words import roughly
from train.experiments import pictures, revolution, tables
from train.experiments.plans import EXPERIMENTS
from train.experiments.runs import Job, Runner, slug
from train.experiments.tables import Row
from train.runs.files import LOCK
from train.runs.locks import file_lock
from train.settings.recipe import Recipe
from train.utils.table import align


def predict(runner: Runner, jobs: Sequence[Job]) -> None:
    """Prints how long the trainings will take that are still to be made here."""
    left = [job for job in jobs if not runner.record(job)]
    print(f"{len(jobs)} trainings, {len(jobs) - len(left)} of them finished.", flush=True)
    rows, total = [("network", "seeds left", "seconds an epoch", "minutes")], 0.0
    for name in dict.fromkeys(job.name for job in left):
        own = [job for job in left if job.name == name]
        start, epoch = runner.seconds(own[0])
        epochs = sum(job.recipe.epochs - runner.epochs(job) for job in own)
        seconds = start * len(own) + epoch * epochs
        total += seconds
        rows.append((name, str(len(own)), f"{epoch:.1f}", f"{seconds / 60:.1f}"))
    if left:
        print(align(rows))
        print(f"about {roughly(total)} for one worker on this machine.", flush=True)


def show(job: Job, record: Mapping[str, Any], left: int) -> None:
    """Prints the line of a training that has come to its end."""
    errors = (record["last_epoch"]["accuracy"], record["test"]["keras"]["accuracy"])
    training, test = (f"{100 * (1 - accuracy):.2f} %" for accuracy in errors)
    print(
        f"{job.folder}: training error {training}, test error {test}, "
        f"{roughly(record['seconds'])}; {left} left",
        flush=True,
    )


def write(
    runner: Runner, names: Sequence[str], budget: str, recipe: Recipe, jobs: Sequence[Job]
) -> list[Row]:
    """Writes tables and pictures of all that is in the folder; one worker at a time.

    Args:
        runner: What made the trainings.
        names: The experiments that were asked for; others are written if no network is missing.
        budget: Its name.
        recipe: Of all trainings.
        jobs: The trainings of all experiments.
    """
    rows = []
    with file_lock(runner.folder / LOCK):
        for name in EXPERIMENTS:
            own = _rows(runner, name, budget, jobs)
            if name in names or all(row.records or row.failed for row in own):
                rows += own
                curves = {row.label: [Path(folder) for folder in row.folders] for row in own}
                pictures.plot(runner.folder, name, curves)
        more = []
        if compared := [row for row in rows if row.experiment == revolution.EXPERIMENT]:
            revolution.plot(runner.folder, compared)
            more = [revolution.section(compared)]
        tables.write(runner.folder, rows, _facts(runner, recipe, rows), more)
    return rows


def _rows(runner: Runner, name: str, budget: str, jobs: Sequence[Job]) -> list[Row]:
    """The rows of an experiment's table."""
    rows = []
    for label, network in EXPERIMENTS[name].networks[budget].items():
        own = [job for job in jobs if job.name == slug(network)]
        found = [(runner.path(job), record) for job in own if (record := runner.record(job))]
        failed = sum(runner.failed(job) for job in own)
        records = [record for _, record in found]
        rows.append(Row(name, label, records, failed, [folder for folder, _ in found]))
    return rows


def summary(names: Sequence[str], rows: Sequence[Row], folder: Path) -> str:
    """Verdicts as text, for the screen."""
    lines = []
    for name in names:
        lines.append(f"{EXPERIMENTS[name].title}:")
        own = [row for row in rows if row.experiment == name]
        for claim, verdict in tables.verdicts(name, own):
            why = f" ({verdict.why})" if verdict.why else ""
            lines.append(
                f"  {verdict.verdict}{why}: {claim.text} {claim.measure} "
                f"{tables.difference(verdict)}".rstrip()
            )
    return "\n".join([*lines, f"Tables and pictures: {folder / tables.PAGE}"])


def _facts(runner: Runner, recipe: Recipe, rows: Sequence[Row]) -> str:
    """What all networks have in common, and what the papers did otherwise."""
    records = [record for row in rows for record in row.records]
    if not records:
        return "No training has come to its end."
    first = records[0]
    executions = [record["execution"] for record in records]
    machines = dict.fromkeys(f"{row['precision']} on {row['devices']}" for row in executions)
    return (
        f"{len(runner.data.train):,} training and {len(runner.data.test):,} test images of "
        f"{runner.data.name}; {recipe.optimizer}, learning rate {recipe.learning_rate:g}, "
        f"schedule {recipe.schedule}, {recipe.epochs} epochs of batches of "
        f"{recipe.batch_size}, weight decay {recipe.weight_decay:g}{_exceptions(rows)}; "
        f"{' and '.join(machines)}. In the first paper: {tables.differs(first)}. Training errors "
        "are of the last epoch, of augmented images, while the network learns; the test images "
        "are scored after each epoch for the curves, and nothing is chosen by them."
    )


def _exceptions(rows: Sequence[Row]) -> str:
    """The networks that have a learning rate of their own."""
    factors = {
        row.label: EXPERIMENTS[row.experiment].rates[row.label]
        for row in rows
        if row.label in EXPERIMENTS[row.experiment].rates
    }
    return "".join(f"; {label} at {factor:g} of that rate" for label, factor in factors.items())
