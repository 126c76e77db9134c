"""What is said and written of experiments: how long they take, how far they are, what came out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train.experiments import pictures, revolution, tables
from train.experiments.plans import EXPERIMENTS
from train.experiments.runs import Job, Runner, slug
from train.experiments.tables import Row
from train.runs.files import LOCK
from train.runs.folder import file_lock
from train.utils.table import align


def predict(runner: Runner, jobs: Sequence[Job]) -> None:
    """Prints how long the trainings will take that are still to be made here."""
    left = [job for job in jobs if not runner.record(job)]
    print(f"{len(jobs)} trainings, {len(jobs) - len(left)} of them finished.", flush=True)
    rows, total = [("network", "seeds left", "seconds an epoch", "minutes")], 0.0
    for name in dict.fromkeys(job.name for job in left):
        own = [job for job in left if job.name == name]
        epoch = runner.epoch_seconds(own[0])
        seconds = epoch * own[0].recipe.epochs * len(own)
        total += seconds
        rows.append((name, str(len(own)), f"{epoch:.1f}", f"{seconds / 60:.1f}"))
    if left:
        print(align(rows))
        print(f"about {duration(total)} for one worker on this machine.", flush=True)


def show(job: Job, record: Mapping[str, Any], left: int) -> None:
    """Prints the line of a training that has come to its end."""
    errors = (record["last_epoch"]["accuracy"], record["test"]["keras"]["accuracy"])
    training, test = (f"{100 * (1 - accuracy):.2f} %" for accuracy in errors)
    print(
        f"{job.folder}: training error {training}, test error {test}, "
        f"{duration(record['seconds'])}; {left} left",
        flush=True,
    )


def write(runner: Runner, names: Sequence[str], budget: str, jobs: Sequence[Job]) -> list[Row]:
    """Writes tables and pictures of what is finished; one worker at a time."""
    rows = []
    with file_lock(runner.folder / LOCK):
        for name in names:
            curves: dict[str, list[Path]] = {}
            for label, network in EXPERIMENTS[name].networks[budget].items():
                own = [job for job in jobs if job.name == slug(network)]
                records = {runner.path(job): runner.record(job) for job in own}
                finished = {path: record for path, record in records.items() if record}
                curves[label] = list(finished)
                rows.append(Row(name, label, list(finished.values())))
            pictures.plot(runner.folder, name, curves)
        more = []
        if compared := [row for row in rows if row.experiment == revolution.EXPERIMENT]:
            revolution.plot(runner.folder, compared)
            more = [revolution.section(compared)]
        tables.write(runner.folder, rows, _facts(runner, rows), more)
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
                f"{tables.interval(verdict)}".rstrip()
            )
    return "\n".join([*lines, f"Tables and pictures: {folder / tables.PAGE}"])


def _facts(runner: Runner, rows: Sequence[Row]) -> str:
    """What all networks have in common."""
    records = [record for row in rows for record in row.records]
    if not records:
        return "No training has come to its end."
    recipe, first = records[0]["recipe"], records[0]
    return (
        f"{len(runner.data.train):,} training and {len(runner.data.test):,} test images of "
        f"{runner.data.name}; {recipe['optimizer']}, learning rate {recipe['learning_rate']:g}, "
        f"schedule {recipe['schedule']}, {recipe['epochs']} epochs of batches of "
        f"{recipe['batch_size']}, weight decay {recipe['weight_decay']:g}{_exceptions(rows)}; "
        f"{first['execution']['precision']} on {first['execution']['devices']}. Training "
        "errors are of the last epoch, of augmented images, while the network learns; the test "
        "images are scored after each epoch for the curves, and nothing is chosen by them."
    )


def _exceptions(rows: Sequence[Row]) -> str:
    """The networks that have a learning rate of their own."""
    factors = {
        row.label: EXPERIMENTS[row.experiment].rates[row.label]
        for row in rows
        if row.label in EXPERIMENTS[row.experiment].rates
    }
    return "".join(f"; {label} at {factor:g} of that rate" for label, factor in factors.items())


def duration(seconds: float) -> str:
    """Seconds in words: `40 s`, `12 min`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
