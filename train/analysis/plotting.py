"""How pictures for a lecture look: readable on a slide, and by those who see fewer colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_resnet.utils.atomic import replacing
from train.analysis.subject import Subject

# Okabe and Ito, "Color Universal Design", 2008.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "font.size": 14,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "svg.hashsalt": "keras_resnet",  # the same picture is the same file
}


@contextmanager
def lecture() -> Iterator[None]:
    """What is drawn inside looks so."""
    with matplotlib.rc_context(STYLE):
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def line(number: int, subject: Subject) -> dict[str, Any]:
    """How the n-th network is drawn: residual ones solid, plain ones dashed."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": "--" if subject.plain else "-",
        "label": subject.name,
    }


def dots(number: int, subject: Subject) -> dict[str, Any]:
    """The same for points that no line connects."""
    hollow = {"markerfacecolor": "white"} if subject.plain else {}
    marker = {"marker": "s" if subject.plain else "o", "markersize": 6, **hollow}
    return line(number, subject) | {"linestyle": ""} | marker


def legend(figure: Figure, axes: Axes) -> None:
    """One legend below all panels, of what is in one of them."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5))


def save(figure: Figure, path: Path) -> None:
    """Writes an SVG, whole or not at all."""
    with replacing(path) as partial:
        figure.savefig(partial, format="svg", metadata={"Date": None})
