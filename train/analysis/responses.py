"""Standard deviations of layer responses: residual functions are smaller than plain ones.

He et al. 2015, 4.2 and Fig. 7: the outputs of each 3x3 layer, after batch normalization and before
the nonlinearity (and before the addition).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from train.analysis import plotting
from train.analysis.analyses import AnalysisSettings
from train.analysis.forward import deviations
from train.analysis.graph import observe
from train.analysis.graph import responses as response_tensors
from train.analysis.subject import NotApplicable, Sample, Subject


class Responses(NamedTuple):
    """The layers in order."""

    layers: list[str]
    std: np.ndarray  # (layers,)


def passes(subject: Subject, settings: AnalysisSettings) -> float:
    """One look at each image."""
    if not response_tensors(subject.model):
        raise NotApplicable(
            f"{subject.name} has no convolution larger than 1x1, whose responses could be shown: "
            "choose another network, or other analyses with --what."
        )
    return 1


def measure(subject: Subject, sample: Sample, settings: AnalysisSettings) -> Responses:
    """Looks at all layers of a network at once."""
    tensors = response_tensors(subject.model)
    return Responses([*tensors], deviations(observe(subject.model, tensors), sample.images))


def rows(result: Responses) -> list[dict[str, Any]]:
    """A row for each layer; rank 1 is the largest."""
    ranks = np.argsort(np.argsort(-result.std)) + 1
    return [
        {"index": index, "layer": layer, "std": float(std), "rank": int(rank)}
        for index, (layer, std, rank) in enumerate(
            zip(result.layers, result.std, ranks, strict=True), 1
        )
    ]


def draw(found: Sequence[tuple[Subject, Responses]]) -> Figure:
    """As in the paper: in original order above, sorted by magnitude below."""
    figure = plotting.figure(11, 8)
    original, ordered = figure.subplots(2, 1)
    for number, (subject, result) in enumerate(found):
        index, style = np.arange(1, len(result.std) + 1), plotting.line(number, subject)
        original.plot(index, result.std, **style)
        ordered.plot(index, np.sort(result.std)[::-1], **style)
    original.set_xlabel("layer, in original order")
    ordered.set_xlabel("layer, sorted by magnitude")
    for axes in (original, ordered):
        plotting.count_along(axes)
        axes.set(ylabel="std of the response", ylim=(0, None))
    original.legend()
    return figure
