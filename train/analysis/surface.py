"""The training loss around a trained network, in a plane of two random directions.

Li et al. 2018, Sec. 4: each filter of a direction is scaled to the norm of the network's filter;
biases, and the scale and shift of batch normalization, stay; and batch normalization keeps its
moving statistics, as in their code (`net.eval()`, `ignore="biasbn"`). Shortcuts make it smooth.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from train.analysis import plotting
from train.analysis.analyses import AnalysisSettings
from train.analysis.forward import loss
from train.analysis.graph import copy
from train.analysis.subject import Sample, Subject

EXTENT = 1.0  # of the plane, in norms of the filters: as in their figures
LARGEST = 1e3  # loss that is told from larger ones in the picture
LEVELS = 19  # of contours


class Surface(NamedTuple):
    """The loss in the plane."""

    axis: np.ndarray  # (g,) -1 to 1; the network itself is at 0
    losses: np.ndarray  # (g, g) in nats, by steps along the second direction and the first


def direction(weights: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """A random direction, each filter of which has the norm of that of the weights.

    Args:
        weights: Of any shapes; the last axis of kernels is that of their filters.
        rng: Of normal numbers.

    Returns:
        Arrays of the same shapes, float32; zeros for those of one axis.
    """
    found = []
    for weight in weights:
        step = rng.standard_normal(weight.shape)
        if weight.ndim < 2:
            step *= 0
        else:
            axes = tuple(range(weight.ndim - 1))
            step *= np.linalg.norm(weight.reshape(-1, weight.shape[-1]), axis=0) / np.sqrt(
                (step**2).sum(axis=axes)
            )
        found.append(step.astype(np.float32))
    return found


def passes(subject: Subject, settings: AnalysisSettings) -> float:
    """One for each point."""
    return settings.grid**2


def measure(subject: Subject, sample: Sample, settings: AnalysisSettings) -> Surface:
    """Moves a copy of the network to each point of the plane."""
    model, rng = copy(subject.model), np.random.default_rng(settings.seed)
    variables = model.trainable_variables
    weights = [variable.numpy() for variable in variables]
    first, second = direction(weights, rng), direction(weights, rng)
    axis = EXTENT * np.linspace(-1, 1, settings.grid)

    def at(x: np.float32, y: np.float32) -> float:
        for variable, weight, along, across in zip(variables, weights, first, second, strict=True):
            variable.assign(weight + x * along + y * across)
        return loss(model, sample)

    steps = axis.astype(np.float32)  # so that sums stay float32
    return Surface(axis, np.array([[at(x, y) for x in steps] for y in steps]))


def rows(result: Surface) -> list[dict[str, Any]]:
    """A row for each point."""
    return [
        {"x": float(x), "y": float(y), "loss": float(loss)}
        for y, line in zip(result.axis, result.losses, strict=True)
        for x, loss in zip(result.axis, line, strict=True)
    ]


def draw(found: Sequence[tuple[Subject, Surface]]) -> Figure:
    """Contours of each network, all of the same levels, and the losses along the first axis."""
    columns = min(len(found) + 1, 3)
    lines = -(-(len(found) + 1) // columns)
    figure = plotting.figure(5.2 * columns, 4.8 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).flat
    finite = np.concatenate([result.losses[np.isfinite(result.losses)] for _, result in found])
    finite = finite[finite > 0]  # levels are those of its logarithm
    if not len(finite):
        finite = np.ones(1)
    top = min(max(finite.max(), 2 * finite.min()), LARGEST)
    levels = np.geomspace(min(finite.min(), top / 2), top, LEVELS)
    last = panels[len(found)]
    for number, ((subject, result), axes) in enumerate(zip(found, panels, strict=False)):
        losses = np.nan_to_num(result.losses, nan=2 * top, posinf=2 * top)
        losses = np.maximum(losses, finite.min())
        colours = axes.contourf(
            result.axis, result.axis, losses, levels, norm=LogNorm(), cmap="cividis", extend="both"
        )
        axes.contour(
            result.axis, result.axis, losses, levels, colors="white", linewidths=0.6, alpha=0.7
        )
        axes.plot(0, 0, "w+", markersize=12)
        axes.set(
            title=subject.name, xlabel="first direction", ylabel="second direction",
            xticks=(-EXTENT, 0, EXTENT), yticks=(-EXTENT, 0, EXTENT),
        )  # fmt: skip
        axes.grid(False)
        axes.set_aspect("equal")
        last.plot(result.axis, losses[len(losses) // 2], **plotting.line(number, subject))
    ticks = levels[:: (LEVELS - 1) // 6]
    figure.colorbar(
        colours, ax=panels[: len(found)], ticks=ticks, format=plotting.short, shrink=0.8
    )
    last.set(xlabel="first direction", ylabel="training loss, nats")
    last.set_xticks((-EXTENT, 0, EXTENT))
    plotting.logarithmic(last)
    last.set_ylim(top=top)
    last.legend()
    for axes in panels[len(found) + 1 :]:
        axes.remove()
    return figure
