"""The folder of a search: who owns it, whether the search is complete, and what it found."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from time import sleep
from typing import Any, NotRequired, cast

from pydantic import with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import read, write_json
from train.runs.difference import difference
from train.runs.folder import check_folder
from train.runs.record import STRICT, read_spec
from train.search import leaderboard
from train.search.budget import cost_text
from train.search.job import SearchJob
from train.search.pareto_plot import PICTURE, plot_pareto
from train.search.space import describe
from train.trainer.checkpoint import ACCURACY

SEARCH, STATE = "search.json", "state"


@with_config(STRICT)
class SearchRecord(TypedDict):
    """`search.json`: what identifies a search, see `SearchJob.description`."""

    tuner: str
    space: dict[str, Any]
    budget: dict[str, Any]
    data: dict[str, str]
    reference_tflite: str | None  # SHA-256 of the file
    processor: NotRequired[str]  # where time is limited
    teachers: NotRequired[dict[str, str]]  # SHA-256 of the weights in each folder
    max_trials: NotRequired[int]  # of the search that is complete


def begin_or_resume(job: SearchJob) -> None:
    """Begins a search in a folder, or takes it up again.

    Raises:
        InputError: if another search, or something else, is there.
    """
    folder = job.runner.folder
    check_folder(folder, SEARCH)
    if not (folder / SEARCH).exists():
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
    write_json(job.runner.folder / SEARCH, job.description() | {"max_trials": job.max_trials})


def is_complete(job: SearchJob) -> bool:
    """Whether it has ended, with as many trials as may be."""
    return read(SearchRecord, job.runner.folder / SEARCH).get("max_trials") == job.max_trials


def _compare(job: SearchJob) -> None:
    path, here = job.runner.folder / SEARCH, job.description()
    try:
        there = read(SearchRecord, path)
    except InputError as error:
        if not (job.runner.folder / STATE).is_dir():
            raise InputError(f"{error} Choose another --output_dir.") from error
        print(f"{error} The flags given now are taken for those that began the search.")
        write_json(path, here)
        return
    if job.runner.meter.shared:  # the chief measures, and workers train on any processor
        here.pop("processor", None)
    if differing := difference(cast(dict, there), here):
        raise InputError(
            f"{job.runner.folder} already holds another search ({differing}): give the flags that "
            "began it, or choose another --output_dir."
        )


def write_summary(job: SearchJob, table: Sequence[leaderboard.Row], data: str) -> None:
    """Writes what was found, and prints it.

    Args:
        job: The search.
        table: Its trials, see `leaderboard.rows`.
        data: The flags of `DataSettings`, for the commands that are printed.

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
    spec = cast(Spec, read_spec(folder / leaderboard.BEST)[0])
    print(
        f"The best of {len(table)} trials is {best['trial']}: {describe(spec)}; "
        f"{best[ACCURACY]:.2%} of the validation images after {best['epochs']} epochs; "
        f"{cost_text(best)}.\nAll trials: {folder / leaderboard.LEADERBOARD}, {folder / PICTURE}. "
        "To train it in full and export it:"
    )
    print("\n".join(f"  {line}" for line in next_commands(folder, data)))


def next_commands(folder: Path, data: str) -> list[str]:
    """What trains the best network in full, and exports it; for the flags see `write_summary`."""
    best = folder / leaderboard.BEST
    _, recipe = read_spec(best)
    all_images = "" if recipe.chooses_epochs else " --validation_fraction=0"
    run = shlex.quote(str(best.with_suffix("")))
    return [
        f"python -m train.cifar --spec={shlex.quote(str(best))}{data} --epochs=100{all_images} "
        f"--output_dir={run}",
        f"python -m train.export --run={run} --formats=int8",
    ]
