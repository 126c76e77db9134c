"""Charts as SVG that takes the colors of the page, light or dark. Small ones: a phone is narrow."""

import re
from collections.abc import Mapping, Sequence
from io import StringIO

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from train.evaluation.words import short

SIZE = 3.7, 2.5  # inches: at 72 points each, a little less than a phone's width in pixels
INK, GRID, BAND = "#010101", "#010102", "#010103"
SERIES = tuple(f"#0102{number:02x}" for number in range(6))
COLORS = {  # what is drawn with, and the variable of the page's style that replaces it
    INK: "--ink", GRID: "--line", BAND: "--band",
    **{color: f"--series-{number}" for number, color in enumerate(SERIES)},
}  # fmt: skip
DASHES = "-", (0, (4, 2)), (0, (1, 1.5)), "-.", (0, (6, 2, 1, 2)), (0, (2, 2))  # not by color alone
MOST_LINES = len(SERIES)
MAGNITUDES = 20  # costs that differ by a larger factor are drawn on a logarithmic scale
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a run may be called $x$
    "font.size": 8,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
}

Points = tuple[Sequence[float], Sequence[float]]  # x and y


def lines(
    series: Mapping[str, Points], labels: tuple[str, str], alt: str, kind: str = ""
) -> Markup:
    """Lines over each other, at most `MOST_LINES`.

    Args:
        series: The points of each, by the name in the legend.
        labels: Of the two axes.
        alt: What the chart shows, in words.
        kind: `"percent"` if y is a fraction, `"percents"` if both are, `"log"` if y spans
            magnitudes.
    """
    with rc_context(STYLE):
        figure, axes = _blank(labels)
        for (name, (x, y)), color, dash in zip(series.items(), SERIES, DASHES, strict=False):
            marker = "o" if len(x) == 1 else ""
            axes.plot(x, y, color=color, linestyle=dash, marker=marker, label=name)
        if kind.startswith("percent"):
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        if kind == "percents":
            axes.xaxis.set_major_formatter(PercentFormatter(1))
        elif kind == "log":
            axes.set_yscale("log")
        if labels[0] == "epoch":
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(series) > 1:
            axes.legend()
        return svg(figure, alt)


def reliability(bins: Sequence[Mapping[str, float]], alt: str) -> Markup:
    """Accuracy against confidence, bin by bin; exact calibration is the diagonal."""
    with rc_context(STYLE):
        figure, axes = _blank(("confidence", "accuracy"))
        filled = [row for row in bins if row["count"]]
        left = [row["low"] for row in filled]
        widths = [row["high"] - row["low"] for row in filled]
        heights = [row["accuracy"] for row in filled]
        axes.bar(left, heights, widths, align="edge", color=BAND, edgecolor=SERIES[0], linewidth=1)
        axes.plot([0, 1], [0, 1], color=INK, linestyle=DASHES[1], linewidth=1, label="exact")
        points = [row["confidence"] for row in filled], heights
        axes.plot(*points, "o", color=SERIES[0], markersize=4, label="measured")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.legend(loc="upper left")
        return svg(figure, alt)


def front(
    points: Sequence[tuple[float, float, bool]],
    labels: tuple[str, str],
    alt: str,
    published: Mapping[str, tuple[float, float]],
    limit: float | None = None,
) -> Markup:
    """Accuracy against a cost, and which points are on the Pareto front of the two.

    Args:
        points: Cost, accuracy, and whether it is on the front.
        labels: Of the two axes.
        alt: What the chart shows, in words.
        published: Points to compare with, by name.
        limit: The most that a network may cost.
    """
    with rc_context(STYLE):
        figure, axes = _blank(labels)
        others = [(x, y) for x, y, best in points if not best]
        best = sorted((x, y) for x, y, best in points if best)
        if others:
            axes.plot(*zip(*others, strict=True), "o", color=SERIES[5], label="other trials",
                      markersize=4, markerfacecolor="none")  # fmt: skip
        axes.plot(*zip(*best, strict=True), "o-", color=SERIES[0], label="Pareto front of the two",
                  markersize=4)  # fmt: skip
        for name, point in published.items():
            axes.plot(*point, "*", color=SERIES[1], label="published, test accuracy")
            axes.annotate(name, point, xytext=(0, 5), textcoords="offset points", ha="center",
                          fontsize=7)  # fmt: skip
        if limit is not None:
            axes.axvline(limit, color=INK, linestyle=DASHES[1], linewidth=1, label="budget")
        costs = [x for x, _, _ in points] + [x for x, _ in published.values()]
        axes.set_xscale("log" if max(costs) > MAGNITUDES * min(costs) else "linear")
        axes.xaxis.set_major_formatter(lambda value, _: short(value))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        axes.margins(0.1)
        handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        axes.legend(handles.values(), handles)
        return svg(figure, alt)


def _blank(labels: tuple[str, str]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=labels[0], ylabel=labels[1])
    return figure, axes


def svg(figure: Figure, alt: str) -> Markup:
    """A figure as an element of a page: named for screen readers, in the colors of the page."""
    text = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.hashsalt": alt}):  # ids are of this picture, and always the same
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    drawing = text.getvalue()
    head, body = drawing[drawing.index("<svg") :].split(">", 1)
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)  # would be the whole page's
    used = {*re.findall(r'#([^")]+)[")]', body)}
    body = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", body)
    for color, variable in COLORS.items():
        body = body.replace(color, f"var({variable})")
    (box,) = re.findall(r'viewBox="[^"]*"', head)
    return Markup(f'<svg {box} role="img" aria-label="{escape(alt)}">{body}')
