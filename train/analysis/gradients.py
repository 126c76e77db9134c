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

# He et al. 2015, 4.2, begin so; with batch normalization, gradients depend on the batch.
BATCH, RATE, MOMENTUM = 128, 0.1, 0.9
ROUNDS = 3  # of early training, through the sample


class Gradients(NamedTuple):
    """The layers in order."""

    layers: list[str]
    initial: np.ndarray  # (layers,) of a new network of the same kind
    early: np.ndarray  # (layers,) of that one after some steps of training
    steps: int  # how many
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
    """A gradient of three networks, and the early training."""
    return 3 * (3 + ROUNDS)


def measure(subject: Subject, sample: Sample, settings: AnalysisSettings) -> Gradients:
    """Compares a trained network with a new one, and with that one in its first steps."""
    network = initialized(subject.model, settings.seed)
    initial = gradient_norms(network, sample)
    steps = train_early(network, sample)
    return Gradients(
        [layer.name for layer in weighted_layers(subject.model)],
        initial,
        gradient_norms(network, sample),
        steps,
        gradient_norms(subject.model, sample),
    )


def train_early(model: keras.Model, sample: Sample) -> int:
    """Trains a network by the papers' SGD, without weight decay and augmentation.

    Returns:
        The number of steps.
    """
    model.compile(
        keras.optimizers.SGD(RATE, MOMENTUM),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(sample.images, sample.labels, BATCH, ROUNDS, verbose=0, shuffle=False)
    return int(model.optimizer.iterations)


def rows(result: Gradients) -> list[dict[str, Any]]:
    """A row for each layer."""
    return [
        {
            "index": index,
            "layer": layer,
            "initial": float(result.initial[index - 1]),
            "early": float(result.early[index - 1]),
            "trained": float(result.trained[index - 1]),
        }
        for index, layer in enumerate(result.layers, 1)
    ]


def draw(found: Sequence[tuple[Subject, Gradients]]) -> Figure:
    """From left to right: at initialization, after the first steps, trained."""
    figure = plotting.figure(15, 5.5)
    panels = figure.subplots(1, 3, sharey=True)
    titles = "at initialization", f"after {found[0][1].steps} steps of SGD", "trained"
    for number, (subject, result) in enumerate(found):
        index, style = np.arange(1, len(result.layers) + 1), plotting.line(number, subject)
        for axes, norms in zip(panels, (result.initial, result.early, result.trained), strict=True):
            axes.plot(index, norms, **style)
    for axes, title in zip(panels, titles, strict=True):
        axes.set(title=title, xlabel="layer")
        plotting.count_along(axes)
        plotting.logarithmic(axes)
    panels[0].set_ylabel("norm of the gradient by the kernel")
    panels[0].legend()
    return figure
