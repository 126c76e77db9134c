"""What a search found: the Pareto front of accuracy against costs, as table and JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from keras_resnet import families
from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import parse, write_json
from train.runs.files import RECORD
from train.runs.record import read_record
from train.search.budget import COSTS, pareto_costs
from train.search.cost_meter import CostMeter
from train.search.space import SEARCHED, searchable
from train.search.trial import TRIALS, read_trial
from train.settings.recipe import Recipe
from train.trainer.checkpoint import ACCURACY
from train.utils.pareto import on_front
from train.utils.table import cell, write_csv

LEADERBOARD, BEST = "leaderboard.csv", "best.json"
SETTINGS = [field.name for field in searchable()]
COLUMNS = [
    "rank", "trial", "status", "on_front", ACCURACY, *COSTS, "epochs", "seconds", *SEARCHED,
    "widths",
]  # fmt: skip

Row = dict[str, Any]


def rows(folder: Path) -> list[Row]:
    """The trials of a search, the most accurate first, those that failed last."""
    records = []
    for path in sorted((folder / TRIALS).glob(f"*/{RECORD}")):
        try:
            records.append((path.parent.name, read_trial(path.parent)))
        except InputError as error:
            print(f"left out of the leaderboard: {error}", flush=True)
    made = sorted(
        (_row(name, record) for name, record in records),
        key=lambda row: (-row.get(ACCURACY, -1.0), row["trial"]),
    )
    finished = [row for row in made if ACCURACY in row]
    costs = pareto_costs([name for name in COSTS if all(name in row for row in finished)])
    for place, (row, best) in enumerate(
        zip(finished, on_front(finished, ACCURACY, costs), strict=True)
    ):
        row |= {"rank": place + 1, "on_front": best}
    return made


def measure_front(table: Sequence[Row], folder: Path, meter: CostMeter) -> None:
    """Measures what the trials on the front cost, as far as no limit has asked for it before."""
    for row in table:
        if row.get("on_front") and any(name not in row for name in ("int8_bytes", "latency_ms")):
            record = read_record(folder / TRIALS / row["trial"])
            row |= meter.all(cast(Spec, families.from_json(record["network"])))


def _row(name: str, record: dict[str, Any]) -> Row:
    network, recipe = families.from_json(record["network"]), parse(Recipe, record["recipe"])
    settings = families.to_json(network) | asdict(recipe)
    row = {"trial": name, "status": record["status"], "epochs": recipe.epochs}
    row |= {key: cell(settings.get(key)) for key in SETTINGS}
    row |= record.get("costs", {})
    if record["status"] == "finished":
        row |= {ACCURACY: record["last_epoch"][ACCURACY], "seconds": round(record["seconds"], 1)}
    return row | {"reason": record.get("reason", "")}


def write(folder: Path, table: Sequence[Row]) -> None:
    """Writes the leaderboard, and the network and recipe of its first row for `train.cifar`."""
    searched = [key for key in SETTINGS if len({row[key] for row in table}) > 1]
    write_csv(folder / LEADERBOARD, table, [*dict.fromkeys([*COLUMNS, *searched, "reason"])])
    if table and ACCURACY in table[0]:
        record = read_record(folder / TRIALS / table[0]["trial"])
        best = {key: table[0][key] for key in ("trial", ACCURACY, *COSTS) if key in table[0]}
        kept = {key: record[key] for key in ("network", "recipe", "data") if key in record}
        write_json(folder / BEST, best | kept)
