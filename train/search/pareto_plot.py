"""The Pareto front of a search as a picture."""

from collections.abc import Sequence
from itertools import compress, cycle
from operator import itemgetter
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator

from keras_resnet.spec import SPECS, cifar
from keras_resnet.utils.atomic import replacing
from train.search.budget import COSTS, Budget, pareto_costs
from train.search.cost_meter import CostMeter
from train.search.leaderboard import Row
from train.trainer.checkpoint import ACCURACY
from train.utils.pareto import on_front

PICTURE = "pareto.png"
# Accuracy on the CIFAR-10 test images: He et al. 2015, Table 6; and the reference network of MLPerf
# Tiny 1.0, image classification, whose float file was measured to have 87.19 %.
PUBLISHED = {
    "ResNet-8 of MLPerf Tiny": (cifar(8, shortcut="B"), 87.19),
    "ResNet-20": (SPECS["ResNet20"], 91.25),
    "ResNet-32": (SPECS["ResNet32"], 92.49),
    "ResNet-56": (SPECS["ResNet56"], 93.03),
}
PUBLISHED_FOR = "cifar10"
PLACES = [((-4, 5), "right"), ((4, -11), "left")]  # of the labels down a front, in points


def plot_pareto(
    folder: Path, table: Sequence[Row], budget: Budget, meter: CostMeter, dataset: str
) -> None:
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
    known = published(meter, dataset)
    for axes, cost in zip(
        figure.subplots(2, 2).flat, pareto_costs(costs_of(finished)), strict=True
    ):
        rows = [row for row in finished if cost in row]
        front = [*compress(rows, on_front(rows, ACCURACY, [cost]))]
        front.sort(key=itemgetter(cost))
        others = [row for row in rows if row not in front]
        for group, colour in ((others, "silver"), (front, "tab:blue")):
            line = "-" if group is front else ""
            axes.plot(
                [row[cost] for row in group], [100 * row[ACCURACY] for row in group],
                marker="o", linestyle=line, color=colour, markersize=6,
                label="Pareto front of the two" if group is front else "other trials",
            )  # fmt: skip
        for row, (place, side) in zip(reversed(front), cycle(PLACES), strict=False):
            axes.annotate(
                f"trial {row['trial']}", (row[cost], 100 * row[ACCURACY]), xytext=place, ha=side,
                textcoords="offset points", fontsize=8, color="tab:blue",
            )  # fmt: skip
        for name, row in known.items():
            if cost not in row:  # nothing asked for it to be measured
                continue
            point = row[cost], 100 * row[ACCURACY]
            axes.plot(
                *point, "*", color="tab:orange", markersize=11, label="published, test accuracy"
            )
            axes.annotate(
                name, point, xytext=(0, 8), fontsize=8, textcoords="offset points",
                color="tab:orange", ha="center",
            )  # fmt: skip
        if cost in budget.limited:
            axes.axvline(budget.limit(cost), color="tab:red", linestyle="--", label="budget")
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


def published(meter: CostMeter, dataset: str) -> dict[str, Row]:
    """Published networks like rows of trials, but with their test accuracy.

    Args:
        meter: Says what they cost.
        dataset: There are none but for the one that their accuracy was measured on.
    """
    table = PUBLISHED if dataset == PUBLISHED_FOR else {}
    return {
        name: {ACCURACY: accuracy / 100, **meter.known(spec)}
        for name, (spec, accuracy) in table.items()
    }


def _tick(value: float, _: int) -> str:
    """A number as short as can be: 0.2, 60k, 12M."""
    return f"{value:g}" if value < 1000 else EngFormatter(sep="")(value)


def costs_of(rows: Sequence[Row]) -> list[str]:
    """The costs that some trial has; of the others nothing can be drawn."""
    return [name for name in COSTS if any(name in row for row in rows)]
