"""One table of all recorded trainings: `python -m benchmarks.zoo` writes docs/zoo.md and zoo.csv.

Nothing is trained or scored: a row is what the `run.json` of its runs say, and an empty cell what
they do not. `--runs=FOLDER` adds the runs in a folder, `--output_dir=FOLDER` writes elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from benchmarks.zoo_page import page
from keras_resnet import families
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import paths
from keras_resnet.utils.schema import parse, read_json
from train import flags
from train.evaluation.repeat import command_line, network_title, program, settings
from train.runs.files import RECORD, REPORT, WEIGHTS
from train.runs.record import RunRecord
from train.settings.data import DEFAULT
from train.settings.recipe import Recipe
from train.utils.table import write_csv

ROOT = Path(__file__).parent.parent
RECORDS = ROOT / "docs/runs"  # of runs whose folders are gone: NAME.json and NAME_export.json
SHIPPED = ROOT / "saved_models/pretrained"
EXPORT = "_export"  # ends the name there
PAGE, TABLE = "zoo.md", "zoo.csv"
COMMAND = flags.Command("benchmarks.zoo", __doc__)
COMMAND.add(str, "runs", None, "folders of more runs, with commas between", text=paths)
COMMAND.add(str, "output_dir", str(ROOT / "docs"), "where both files are written", **flags.PATH)


class Run(NamedTuple):
    """A finished training."""

    place: str  # of its record, from the root of the repository
    record: Mapping[str, Any]  # `run.json`
    recipe: Recipe  # its recipe; what it is older than is off
    export: Mapping[str, Any]  # `export.json`; empty if there is none

    def get(self, part: str, key: str) -> Any:
        """A value of the record; `None` if it is older than that."""
        return self.record.get(part, {}).get(key)


def find(folder: Path) -> Iterator[Run]:
    """The finished runs in a folder: `run.json` at any depth, or in `RECORDS` `NAME.json`.

    Raises:
        InputError: if there is no such folder, or a record cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: check --runs.")
    kept = folder == RECORDS
    for path in sorted(folder.glob("*.json") if kept else folder.rglob(RECORD)):
        if kept and path.stem.endswith(EXPORT):
            continue
        record = read_json(path)
        recipe = parse(RunRecord, record, str(path))["recipe"]
        if record["status"] == "finished" and "test" in record:
            beside = path.with_name(f"{path.stem}{EXPORT}.json" if kept else REPORT)
            export = read_json(beside) if beside.exists() else {}
            yield Run(_place(path if kept else path.parent), record, recipe, export)


def _place(path: Path) -> str:
    whole = path.resolve()
    return whole.relative_to(ROOT).as_posix() if whole.is_relative_to(ROOT) else path.name


def grouped(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that differ in their seed alone are one row; rows by data, the most accurate first."""
    groups: dict[Any, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.recipe.seed, run.place)):
        network = families.from_json(run.record["network"])
        data, began = run.get("data", "sha256"), run.get("weights", "sha256")
        groups.setdefault((network, replace(run.recipe, seed=0), data, began), []).append(run)
    rows = sorted(groups.values(), key=lambda group: (-mean(accuracies(group)), group[0].place))
    return sorted(rows, key=lambda group: group[0].get("data", "name") or "")


def accuracies(group: Sequence[Run]) -> list[float]:
    """Of the Keras models, in percent."""
    return [100 * run.record["test"]["keras"]["accuracy"] for run in group]


def int8(group: Sequence[Run]) -> list[float]:
    """Of the int8 files of those runs that were exported so, in percent."""
    files = [run.export.get("formats", {}).get("int8") for run in group]
    return [100 * file["accuracy"] for file in files if file]


def cells(group: Sequence[Run]) -> dict[str, Any]:
    """A row of `zoo.csv`; `None` and an empty text are what no record says."""
    first = group[0]
    network, given = families.from_json(first.record["network"]), settings(first.record)
    quantized = int8(group)
    minutes = [run.record["seconds"] / 60 for run in group if "seconds" in run.record]
    return {
        "network": network_title(first.record["model"], network),
        "data": first.get("data", "name"),
        "parameters": families.parameters(network),
        "macs": families.macs(network),
        "accuracy_mean": _rounded(mean, accuracies(group)),
        "accuracy_std": _rounded(stdev, accuracies(group), 2),
        "n": len(group),
        "int8_mean": _rounded(mean, quantized),
        "int8_std": _rounded(stdev, quantized, 2),
        "int8_n": len(quantized) or None,
        "seeds": _each(run.recipe.seed for run in group),
        "epochs": first.recipe.epochs,
        "minutes": _rounded(mean, minutes),
        "machine": _each(_machine(run) for run in group),
        "precision": _each(run.get("execution", "precision") for run in group),
        "version": _each(run.get("versions", "keras_resnet") for run in group),
        "commit": _each(run.get("versions", "commit") for run in group),
        "weights_sha256": _each(run.get("files", WEIGHTS) for run in group),
        "records": _each(run.place for run in group),
        "command": _command(first, given),
    }


def _command(run: Run, given: Mapping[str, Any] | None) -> str:
    """As a reader types it: the default data set goes without saying, and a folder has no place."""
    if given is None:
        return ""
    name = run.get("data", "name")
    dataset = name if given["dataset"] == name else f"./{name}"
    place = {"dataset": "" if dataset == DEFAULT else dataset, "data_dir": "", "seed": ""}
    return command_line(program(given), {**given, **place})


def _machine(run: Run) -> str:
    return " + ".join([run.get("hardware", "cpu") or "", *(run.get("hardware", "gpus") or ())])


def _each(values: Iterable[Any]) -> str:
    """All that are known, each once."""
    return "; ".join(dict.fromkeys(str(value) for value in values if value not in (None, "")))


def _rounded(function: Callable, values: Sequence[float], least: int = 1) -> float | None:
    return round(function(values), 4) if len(values) >= least else None


def main(values: flags.Values) -> list[dict[str, Any]]:
    """Reads the records, and writes both files."""
    values.refuse_arguments()
    more = [Path(name) for name in (values.runs or "").split(",") if name]
    places = (RECORDS, SHIPPED, *more)
    runs = [*{Path(run.place).resolve(): run for folder in places for run in find(folder)}.values()]
    rows = [cells(group) for group in grouped(runs)]
    folder = Path(values.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / PAGE) as partial:
        partial.write_text(page(rows), encoding="utf-8")
    write_csv(folder / TABLE, rows)
    print(f"{len(rows)} networks of {len(runs)} trainings: {folder / PAGE}, {folder / TABLE}")
    return rows


def run(**settings: Any) -> list[dict[str, Any]]:
    """Writes both files, as the command does.

    Args:
        **settings: The flags of the command, by name.

    Returns:
        The rows of `zoo.csv`.

    Raises:
        InputError: if there is no such folder, or a record cannot be read.
    """
    return COMMAND.run(main, settings)


if __name__ == "__main__":
    COMMAND.start(main)
