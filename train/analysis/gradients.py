"""Gradient norms by layer: identity shortcuts carry the gradient to the first layers.

He et al. 2016, Eq. 5, say that it arrives there whole. In a plain network with batch normalization
it grows from layer to layer at initialization (Yang et al. 2019).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure

from train.analysis import plotting
from train.analysis.analyses import AnalysisSettings
from train.analysis.forward import batches
from train.analysis.graph import initialized, weighted_layers
from train.analysis.subject import Sample, Subject
from train.backend import backend

BATCH = 128  # of He et al. 2015, 4.2: with batch normalization, gradients depend on it


class Gradients(NamedTuple):
    """The layers in order."""

    layers: list[str]
    initial: np.ndarray  # (layers,) of a new network of the same kind
    trained: np.ndarray  # (layers,)


def gradient_norms(model: keras.Model, sample: Sample) -> np.ndarray:
    """The L2 norm of the gradient by the kernel of each layer, as a training step sees it.

    Args:
        model: Of raw images to logits; it is not changed.
        sample: Of the mean cross-entropy; weight decay is left out.

    Returns:
        `(layers,)` float64 for `graph.weighted_layers`; the mean over batches of `BATCH` images.
    """
    place = {id(variable): i for i, variable in enumerate(model.trainable_variables)}
    kernels = [place[id(layer.kernel)] for layer in weighted_layers(model)]
    norms = []
    for images, labels in zip(
        batches(sample.images, BATCH), batches(sample.labels, BATCH), strict=True
    ):
        found = backend().gradients(model, images, labels)
        norms.append([np.linalg.norm(found[kernel].astype(float)) for kernel in kernels])
    return np.mean(norms, axis=0)


def passes(subject: Subject, settings: AnalysisSettings) -> float:
    """A gradient of two networks."""
    return 2 * 3


def measure(subject: Subject, sample: Sample, settings: AnalysisSettings) -> Gradients:
    """Compares a trained network with a new one."""
    new = initialized(subject.model, settings.seed)
    return Gradients(
        [layer.name for layer in weighted_layers(subject.model)],
        gradient_norms(new, sample),
        gradient_norms(subject.model, sample),
    )


def rows(result: Gradients) -> list[dict[str, Any]]:
    """A row for each layer."""
    return [
        {"index": index, "layer": layer, "initial": float(initial), "trained": float(trained)}
        for index, (layer, initial, trained) in enumerate(zip(*result, strict=True), 1)
    ]


def draw(found: Sequence[tuple[Subject, Gradients]]) -> Figure:
    """At initialization on the left, trained on the right."""
    figure = plotting.figure(12, 5.5)
    left, right = figure.subplots(1, 2)
    for number, (subject, result) in enumerate(found):
        index, style = np.arange(1, len(result.layers) + 1), plotting.line(number, subject)
        left.plot(index, result.initial, **style)
        right.plot(index, result.trained, **style)
    for axes, title in ((left, "at initialization"), (right, "trained")):
        axes.set(title=title, xlabel="layer", ylabel="norm of the gradient by the kernel")
        plotting.count_along(axes)
        plotting.logarithmic(axes)
    left.legend()
    return figure
