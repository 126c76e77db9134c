"""Deleting and swapping blocks of a trained network: a residual network hardly minds.

Veit et al. 2016: of a deleted block the shortcut stays, also where it halves the image; of a plain
network the same layers are deleted, where input and output are of one shape (Figs. 3 and 5). Swaps
exchange two blocks of the same shape.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import kendalltau

from train.analysis import plotting
from train.analysis.analyses import AnalysisSettings
from train.analysis.forward import error
from train.analysis.lesioned_model import LesionedModel, block_ends
from train.analysis.subject import NotApplicable, Sample, Subject

FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5)  # of the blocks, deleted at once
SWAPS = (1, 2, 4, 8, 16)  # one after the other


class Lesions(NamedTuple):
    """Errors are fractions of the images, 0 to 1."""

    blocks: list[str]
    whole: float  # error of the network as it was trained
    single: np.ndarray  # (blocks,) error without this block; NaN where it cannot be deleted
    several: np.ndarray  # (n, 2): how many blocks were deleted, error
    swapped: np.ndarray  # (n, 2): Kendall's tau of the order, error


def passes(subject: Subject, settings: AnalysisSettings) -> float:
    """One for each lesion, about half a network more or less."""
    blocks = len(block_ends(subject.model))
    if not blocks:
        raise NotApplicable(
            f"{subject.name} has no blocks that could be deleted or swapped: choose a residual or "
            "a plain network, or other analyses with --what."
        )
    return 1 + blocks + settings.draws * (len(_counts(blocks)) + len(SWAPS))


def _counts(blocks: int) -> list[int]:
    """How many blocks are deleted at once."""
    return sorted({max(1, round(fraction * blocks)) for fraction in FRACTIONS})


def measure(subject: Subject, sample: Sample, settings: AnalysisSettings) -> Lesions:
    """Deletes and swaps, and each time classifies all images."""
    lesioned, rng = LesionedModel(subject.model), np.random.default_rng(settings.seed)

    def without(blocks: Iterable[str]) -> float:
        lesioned.delete(blocks)
        return error(lesioned.model, sample)

    whole, deletable = without([]), lesioned.deletable
    single = [without([b]) if b in deletable else np.nan for b in lesioned.blocks]
    several = [
        (count, without(rng.choice(deletable, count, replace=False)))
        for count in _counts(len(deletable)) * settings.draws
        if count <= len(deletable)
    ]
    swapped = []
    for count in SWAPS * settings.draws if lesioned.groups else ():
        order = swap(lesioned.blocks, lesioned.groups, count, rng)
        places = [lesioned.blocks.index(block) for block in order]
        lesioned.order(order)
        tau = kendalltau(range(len(places)), places).statistic
        swapped.append((tau, error(lesioned.model, sample)))
    pairs = [np.reshape(np.array(found, float), (-1, 2)) for found in (several, swapped)]
    return Lesions(lesioned.blocks, whole, np.array(single), *pairs)


def swap(
    blocks: Sequence[str], groups: Sequence[Sequence[str]], count: int, rng: np.random.Generator
) -> list[str]:
    """Exchanges two places of one group at random, so many times."""
    order = [*blocks]
    pairs = np.array([len(group) * (len(group) - 1) for group in groups], float)
    for _ in range(count):
        group = groups[rng.choice(len(groups), p=pairs / pairs.sum())]
        one, other = (blocks.index(block) for block in rng.choice(group, 2, replace=False))
        order[one], order[other] = order[other], order[one]
    return order


def rows(result: Lesions) -> list[dict[str, Any]]:
    """A row for each lesion; cells that say nothing of it are empty."""
    found: list[tuple] = [("none", None, None, None, result.whole)]
    found += [
        ("delete one", block, 1, None, float(error))
        for block, error in zip(result.blocks, result.single, strict=True)
    ]
    found += [("delete several", None, int(n), None, float(error)) for n, error in result.several]
    found += [("swap", None, None, float(tau), float(error)) for tau, error in result.swapped]
    names = ("lesion", "block", "deleted", "kendall_tau", "error")
    return [dict(zip(names, row, strict=True)) for row in found]


def draw(found: Sequence[tuple[Subject, Lesions]]) -> Figure:
    """One block deleted, several at random, and blocks swapped."""
    figure = plotting.figure(17, 5.5)
    one, several, swapped = figure.subplots(1, 3, sharey=True)
    for number, (subject, result) in enumerate(found):
        style, dots = plotting.line(number, subject), plotting.dots(number, subject)
        place = np.arange(1, len(result.blocks) + 1)
        one.plot(place, 100 * result.single, **style | {"marker": dots["marker"]})
        one.axhline(100 * result.whole, color=style["color"], linestyle=":", linewidth=1)
        several.plot(result.several[:, 0], 100 * result.several[:, 1], **dots)
        swapped.plot(result.swapped[:, 0], 100 * result.swapped[:, 1], **dots)
    one.set(xlabel="deleted block", ylabel="error, %", ylim=(0, 100))
    several.set_xlabel("blocks deleted at random")
    swapped.set_xlabel("Kendall's tau of the order of blocks")
    swapped.invert_xaxis()
    plotting.count_along(one)
    plotting.count_along(several)
    plotting.legend(figure, one)
    return figure
