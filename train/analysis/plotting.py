"""How pictures for a lecture look: readable on a slide, and by those who see fewer colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from keras_resnet.utils.atomic import replacing
from train.analysis.subject import Subject

# Told apart by the colour-blind, too: Okabe and Ito, "Color Universal Design", 2008.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MANY = 50  # times the lowest value: the powers of ten are numbers enough
STYLE = {
    "font.size": 14,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "svg.fonttype": "none",  # text stays text: small files, and slides can change it
    "svg.hashsalt": "keras_resnet",  # the same picture is the same file
}


@contextmanager
def lecture() -> Iterator[None]:
    """What is drawn inside looks so."""
    with matplotlib.rc_context(STYLE):
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))


def count_along(axes: Axes) -> None:
    """Only whole numbers along the horizontal axis."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def logarithmic(axes: Axes) -> None:
    """Powers of ten along the vertical axis, once all is drawn; with steps between if few."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(short)
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.yaxis.set_minor_formatter(short if high < MANY * low else NullFormatter())


def short(value: float, _: float = 0) -> str:
    """A number with two digits, as short as can be."""
    return f"{value:.0f}" if 100 <= value < 1e4 else f"{value:.2g}"


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
    """One legend beside all panels, of what is in one of them."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center")


def save(figure: Figure, path: Path) -> None:
    """Writes an SVG, whole or not at all."""
    with replacing(path) as partial:
        figure.savefig(partial, format="svg", metadata={"Date": None})
