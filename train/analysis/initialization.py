"""He's against Xavier's initialization: what becomes of responses and gradients with depth.

He et al. 2015, "Delving Deep into Rectifiers", 2.2: without batch normalization and shortcuts, the
variance of responses stays from layer to layer if that of the weights is 2 / n, and is halved if it
is 1 / n, as ReLU halves the second moment.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras.initializers import GlorotNormal, HeNormal
from matplotlib.figure import Figure

from train.analysis import plotting
from train.analysis.analyses import AnalysisSettings
from train.analysis.forward import deviations
from train.analysis.gradients import gradient_norms
from train.analysis.graph import initialized, observe, weighted_layers
from train.analysis.graph import responses as response_tensors
from train.analysis.responses import passes as one_pass
from train.analysis.subject import Sample, Subject

INITIALIZERS = {"He": HeNormal, "Xavier": GlorotNormal}
NORMALIZED = {True: "with BN", False: "without BN"}


class Initialization(NamedTuple):
    """By way of initialization: a key of `INITIALIZERS`, and whether there is normalization."""

    layers: list[str]  # whose responses are seen
    responses: dict[tuple[str, bool], np.ndarray]  # std, (layers,)
    weighted: list[str]  # by whose kernels there are gradients
    gradients: dict[tuple[str, bool], np.ndarray]  # norms, (weighted,)


def passes(subject: Subject, settings: AnalysisSettings) -> float:
    """A look and a gradient for each way."""
    return len(INITIALIZERS) * len(NORMALIZED) * (one_pass(subject, settings) + 3)


def measure(subject: Subject, sample: Sample, settings: AnalysisSettings) -> Initialization:
    """Initializes the network anew in each way; what it has learned is not used."""
    responses, gradients = {}, {}
    for name, initializer in INITIALIZERS.items():
        for normalized in NORMALIZED:
            model = initialized(subject.model, settings.seed, initializer, normalized)
            inside = observe(model, response_tensors(model))
            # In training: the moving statistics of a new network would normalize nothing.
            responses[name, normalized] = deviations(inside, sample.images, training=True)
            gradients[name, normalized] = gradient_norms(model, sample)
    layers = [*response_tensors(subject.model)]
    weighted = [layer.name for layer in weighted_layers(subject.model)]
    return Initialization(layers, responses, weighted, gradients)


def rows(result: Initialization) -> list[dict[str, Any]]:
    """A row for each way and layer."""
    return [
        {
            "initializer": name,
            "normalized": normalized,
            "quantity": quantity,
            "layer": layer,
            "value": float(value),
        }
        for quantity, layers, found in (
            ("response", result.layers, result.responses),
            ("gradient", result.weighted, result.gradients),
        )
        for (name, normalized), values in found.items()
        for layer, value in zip(layers, values, strict=True)
    ]


def draw(found: Sequence[tuple[Subject, Initialization]]) -> Figure:
    """A column for each network: responses above, gradients below."""
    figure = plotting.figure(4.5 + 4.5 * len(found), 8)
    panels = figure.subplots(2, len(found), sharey="row", squeeze=False)
    for (subject, result), (above, below) in zip(found, panels.T, strict=True):
        for axes, values in ((above, result.responses), (below, result.gradients)):
            for number, name in enumerate(INITIALIZERS):
                for normalized, words in NORMALIZED.items():
                    value = values[name, normalized]
                    axes.plot(
                        np.arange(1, len(value) + 1), value, color=plotting.COLOURS[number],
                        linewidth=3 if normalized else 1.5, label=f"{name}, {words}",
                    )  # fmt: skip
        if subject.plain:
            start = result.responses["Xavier", False][0]
            index = np.arange(len(result.layers))
            above.plot(
                index + 1, start / 2 ** (index / 2), color="black", linestyle=":",
                label=r"halved variance: $2^{-l/2}$",
            )  # fmt: skip
        above.set_title(subject.name)
        for axes in (above, below):
            axes.set_xlabel("layer")
            plotting.count_along(axes)
            plotting.logarithmic(axes)
    panels[0, 0].set_ylabel("std of the response")
    panels[1, 0].set_ylabel("norm of the gradient")
    plain = next((axes for axes in panels[0] if len(axes.lines) > 4), panels[0, 0])
    plotting.legend(figure, plain)
    return figure
