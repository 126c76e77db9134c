"""What a search found: the Pareto front of accuracy against costs, as table, picture and JSON."""

import csv
from collections.abc import Sequence
from itertools import cycle
from operator import itemgetter
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator

from keras_resnet import SPECS, cifar
from keras_resnet.errors import InputError
from keras_resnet.files import replacing
from train import run, sources
from train.budget import COSTS, Budget, Meter, compared
from train.engine import ACCURACY
from train.space import SEARCHED, searchable
from train.trial import TRIALS

LEADERBOARD, PICTURE, BEST = "leaderboard.csv", "pareto.png", "best.json"
SETTINGS = [field.name for field in searchable()]
COLUMNS = [
    "rank", "trial", "status", "on_front", ACCURACY, *COSTS, "epochs", "seconds", *SEARCHED,
    "widths",
]  # fmt: skip

# Accuracy on the CIFAR-10 test images: He et al. 2015, Table 6; and the reference network of MLPerf
# Tiny 1.0, image classification, whose float file was measured to have 87.19 %.
PUBLISHED = {
    "ResNet-8 of MLPerf Tiny": (cifar(8, shortcut="B"), 87.19),
    "ResNet-20": (SPECS["ResNet20"], 91.25),
    "ResNet-32": (SPECS["ResNet32"], 92.49),
    "ResNet-56": (SPECS["ResNet56"], 93.03),
}
PUBLISHED_FOR = sources.DEFAULT
PLACES = [((-4, 5), "right"), ((4, -11), "left")]  # of the labels down a front, in points

Row = dict[str, Any]


def rows(folder: Path) -> list[Row]:
    """The trials of a search, the most accurate first, those that failed last."""
    records = []
    for path in sorted((folder / TRIALS).glob(f"*/{run.RECORD}")):
        try:
            records.append((path.parent.name, run.read_record(path.parent)))
        except InputError as error:
            print(f"left out of the leaderboard: {error}", flush=True)
    made = sorted(
        (_row(name, record) for name, record in records),
        key=lambda row: (-row.get(ACCURACY, -1.0), row["trial"]),
    )
    finished = [row for row in made if ACCURACY in row]
    for place, row in enumerate(finished):
        row["rank"] = place + 1
        row["on_front"] = not any(_dominates(other, row, compared(row)) for other in finished)
    return made


def _row(name: str, record: dict[str, Any]) -> Row:
    row = {"trial": name, "status": record["status"], "epochs": record["recipe"]["epochs"]}
    settings = record["spec"] | record["recipe"]
    row |= {key: _text(settings[key]) for key in SETTINGS}
    row |= record.get("costs", {})
    if record["status"] == "finished":
        row |= {ACCURACY: record["last_epoch"][ACCURACY], "seconds": round(record["seconds"], 1)}
    return row | {"reason": record.get("reason", "")}


def _text(value: Any) -> Any:
    return "-".join(map(str, value)) if isinstance(value, list) else value


def _dominates(one: Row, other: Row, costs: Sequence[str]) -> bool:
    """Whether one is at least as good in everything, and better in something."""
    pairs = [(-one[ACCURACY], -other[ACCURACY]), *((one[cost], other[cost]) for cost in costs)]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def write(folder: Path, table: Sequence[Row]) -> None:
    """Writes the leaderboard, and the network and recipe of its first row for `train.cifar`."""
    with replacing(folder / LEADERBOARD) as partial, open(partial, "w", newline="") as file:
        searched = [key for key in SETTINGS if len({row[key] for row in table}) > 1]
        names = dict.fromkeys([*COLUMNS, *searched, "reason"])
        lines = csv.DictWriter(file, list(names), extrasaction="ignore")
        lines.writeheader()
        lines.writerows(table)
    if table and ACCURACY in table[0]:
        record = run.read_record(folder / TRIALS / table[0]["trial"])
        best = {key: table[0][key] for key in ("trial", ACCURACY, *COSTS) if key in table[0]}
        kept = {key: record[key] for key in ("spec", "recipe", "dataset")}
        run.write_json(folder / BEST, best | kept)


def draw(folder: Path, table: Sequence[Row], budget: Budget, meter: Meter, dataset: str) -> None:
    """Draws accuracy against each cost, with the front of the two, and published networks.

    Args:
        folder: Of the search.
        table: Its rows, one of which at least was finished.
        budget: Its limits are lines.
        meter: Says what the published networks cost.
        dataset: The published networks are drawn only where their accuracy was measured.
    """
    finished = [row for row in table if ACCURACY in row]
    figure = Figure(figsize=(12, 8.4), layout="constrained")
    published = PUBLISHED if dataset == PUBLISHED_FOR else {}
    costs = {name: meter.all(spec) for name, (spec, _) in published.items()}
    for axes, cost in zip(figure.subplots(2, 2).flat, compared(finished[0]), strict=True):
        front = [
            row for row in finished if not any(_dominates(other, row, [cost]) for other in finished)
        ]
        front.sort(key=itemgetter(cost))
        others = [row for row in finished if row not in front]
        for group, colour in ((others, "silver"), (front, "tab:blue")):
            line = "-" if group is front else ""
            axes.plot(
                [row[cost] for row in group], [100 * row[ACCURACY] for row in group],
                marker="o", linestyle=line, color=colour, markersize=6,
                label="best for what it costs" if group is front else "other trials",
            )  # fmt: skip
        for row, (place, side) in zip(reversed(front), cycle(PLACES), strict=False):
            axes.annotate(
                f"trial {row['trial']}", (row[cost], 100 * row[ACCURACY]), xytext=place, ha=side,
                textcoords="offset points", fontsize=8, color="tab:blue",
            )  # fmt: skip
        for name, (_, accuracy) in published.items():
            axes.plot(
                costs[name][cost], accuracy, "*", color="tab:orange", markersize=11,
                label="published, test images",
            )  # fmt: skip
            axes.annotate(
                name, (costs[name][cost], accuracy), xytext=(0, 8), fontsize=8,
                textcoords="offset points", color="tab:orange", ha="center",
            )  # fmt: skip
        if cost in budget.limited:
            axes.axvline(
                budget.limit(cost), color="tab:red", linestyle="--", label="limit of the search"
            )
        axes.set(xlabel=COSTS[cost].title, ylabel="accuracy, %", xscale="log")
        axes.xaxis.set_major_formatter(_tick)
        axes.xaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
        axes.xaxis.set_minor_formatter(_tick)
        axes.tick_params(axis="x", which="both", labelsize=8)
        axes.margins(0.15)
        axes.grid(alpha=0.3, which="both")
    handles = {
        name: handle
        for axes in figure.axes
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
    figure.suptitle(f"Validation accuracy of {len(finished)} trials on {dataset}")
    with replacing(folder / PICTURE) as partial:
        figure.savefig(partial, format="png", dpi=120)


def _tick(value: float, _: int) -> str:
    """A number as short as can be: 0.2, 60k, 12M."""
    return f"{value:g}" if value < 1000 else EngFormatter(sep="")(value)
