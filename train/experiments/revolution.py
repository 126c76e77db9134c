"""The "revolution of depth": the networks of ImageNet's challenges, and their small forms here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from keras_resnet import families
from keras_resnet.spec import NETWORKS
from keras_resnet.utils.atomic import replacing
from train.experiments.claims import TEST
from train.experiments.tables import Row, text

EXPERIMENT, PICTURE = "comparison", "revolution.png"


class Milestone(NamedTuple):
    """A network that changed the field; errors are ImageNet's top-5, in percent."""

    title: str
    year: int
    layers: int  # with weights, along the longest path
    name: str  # in `NETWORKS`
    entry: float | None  # test error of the challenge's entry, an ensemble
    single: float | None  # error of one network
    label: str  # of the small forms in the experiment, how they begin


NOTES = (
    "Entries are ensembles on the test images of the challenge: AlexNet's of five networks without "
    "other training data (the winning one, of seven, had 15.3 %), VGG's of seven, ResNet's of six, "
    "two of them of 152 layers. Errors of one network are of the validation images, but VGG's, "
    "which is of the test images (7.1 % of the validation images in a later version of its paper); "
    "AlexNet's by ten crops, GoogLeNet's by 144, VGG's and ResNet's at several scales."
)

# Krizhevsky et al. 2012, Table 2; He et al. 2015, Tables 4 (one network) and 5 (ensembles).
MILESTONES = (
    Milestone("LeNet-5", 1998, 5, "LeNet5", None, None, "LeNet"),
    Milestone("AlexNet", 2012, 8, "AlexNet", 16.4, 18.2, "AlexNet"),
    Milestone("VGG-19", 2014, 19, "VGG19", 7.32, 8.43, "VGG"),
    Milestone("GoogLeNet", 2014, 22, "GoogLeNet", 6.66, 7.89, "GoogLeNet"),
    Milestone("ResNet-152", 2015, 152, "ResNet152", 3.57, 4.49, "ResNet"),
)


def section(rows: Sequence[Row]) -> str:
    """Table and picture as Markdown.

    Args:
        rows: Of the experiment `comparison`.
    """
    lines = [
        "## The revolution of depth",
        "",
        f"![Errors on ImageNet by year and depth, and here of the small forms]({PICTURE})",
        "",
        "Left: published errors. Right: the small forms that were trained here.",
        "",
        "| network | year | layers | parameters | multiply-accumulates | ImageNet, top-5, entry, % "
        "| one network, % | small form | parameters | multiply-accumulates | test error here, % |",
        "|---|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|",
    ]
    for milestone in MILESTONES:
        network, row = NETWORKS[milestone.name], _small_form(milestone, rows)
        cells = [milestone.title, milestone.year, milestone.layers, *_size(network)]
        cells += [milestone.entry or "", milestone.single or ""]
        if row:
            cells += [row.label, *_size(row.network), text(row.errors(TEST))]
        else:
            cells += ["", "", "", ""]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, "", NOTES])


def plot(folder: Path, rows: Sequence[Row]) -> None:
    """Draws both sides as bars, each with its depth or size.

    Args:
        folder: Of the experiments.
        rows: Of the experiment `comparison`.
    """
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    published = [each for each in MILESTONES if each.entry is not None]
    _bars(
        left,
        [f"{each.title}\n{each.year}, {each.layers} layers" for each in published],
        [[each.entry] for each in published],
    )
    left.set(title="ImageNet, as published", ylabel="top-5 error of the challenge's entry, %")
    small = [row for each in MILESTONES if (row := _small_form(each, rows))]
    sizes = [_millions(families.parameters(row.network)) for row in small]
    _bars(
        right,
        [f"{row.label}\n{size}" for row, size in zip(small, sizes, strict=True)],
        [row.errors(TEST) for row in small],
    )
    right.set(title="small forms and their parameters, trained here", ylabel="test error, %")
    figure.suptitle("The revolution of depth")
    with replacing(folder / PICTURE) as partial:
        figure.savefig(partial, format="png", dpi=130)


def _bars(axes, names: Sequence[str], errors: Sequence[Sequence[Any]]) -> None:
    """A bar for each mean, with the standard deviation over seeds if there are several."""
    means = [float(np.mean(each)) for each in errors]
    spread = [float(np.std(each, ddof=1)) if len(each) > 1 else np.nan for each in errors]
    bars = axes.bar(names, means, yerr=spread, color="#0072B2", width=0.6, capsize=4)
    axes.bar_label(bars, [f"{mean:.1f}" for mean in means], padding=3)
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def _small_form(milestone: Milestone, rows: Sequence[Row]) -> Row | None:
    """The deepest of the trained forms of a network: they are listed by depth."""
    there = [row for row in rows if row.records and row.label.startswith(milestone.label)]
    return there[-1] if there else None


def _size(network) -> tuple[str, str]:
    return f"{families.parameters(network):,}", _millions(families.macs(network))


def _millions(count: int) -> str:
    return f"{count / 1e6:,.2f} M" if count < 1e7 else f"{count / 1e6:,.0f} M"
