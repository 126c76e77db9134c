"""Deleting and swapping blocks of a trained network: a residual network hardly minds.

Veit et al. 2016: of a deleted block the shortcut stays, also where it halves the image; of a plain
network the same layers are deleted, where input and output are of one shape (Figs. 3 and 5). Swaps
exchange two blocks of the same shape.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import kendalltau

from train.analysis import plotting
from train.analysis.analyses import AnalysisSettings
from train.analysis.forward import error
from train.analysis.graph import BLOCK, BRANCH, copy
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


class Switch(keras.layers.Layer):
    """Passes on the first of two inputs, or if it is off the second."""

    def build(self, input_shape):
        """The state of the switch."""
        self.on = self.add_weight(shape=(), initializer="ones", trainable=False)

    def call(self, inputs):
        """Chooses, and does not compute: what is passed on is exact."""
        return keras.ops.where(self.on > 0, *inputs)


class LesionedModel:
    """A copy of a network, whose blocks can be deleted and swapped.

    Args:
        model: A network of named blocks.
    """

    def __init__(self, model: keras.Model):
        ends = _ends(model)
        inputs: dict[str, Any] = {}  # of the blocks

        def call(layer, *arguments, **more):
            output = layer(*arguments, **more)
            block = BLOCK.match(layer.name)
            if block is None:
                return output
            inputs.setdefault(block[1], arguments[0])
            if layer.name != ends[block[1]]:
                return output
            is_sum = isinstance(layer, keras.layers.Add)  # of the shortcut and the branch
            without = arguments[0][0] if is_sum else inputs[block[1]]
            if without.shape != output.shape:
                return output
            return Switch(name=f"{block[1]}_switch")([output, without])

        self.model = copy(model, call)
        self.blocks = [*ends]
        self._switches = {
            layer.name.removesuffix("_switch"): layer
            for layer in self.model.layers
            if isinstance(layer, Switch)
        }
        self._layers = defaultdict(list)
        for layer in self.model.layers:
            if block := BLOCK.match(layer.name):
                self._layers[block[1]].append(layer)
        self._weights = {
            block: [layer.get_weights() for layer in layers]
            for block, layers in self._layers.items()
        }

    @property
    def deletable(self) -> list[str]:
        """The blocks that can be deleted."""
        return [*self._switches]

    @property
    def groups(self) -> list[list[str]]:
        """Blocks of the same shape, where there are two or more."""
        groups = defaultdict(list)
        for block in self.blocks:
            shapes = str([
                (BLOCK.match(layer.name)[2], [weight.shape for weight in weights])  # type: ignore[index]
                for layer, weights in zip(self._layers[block], self._weights[block], strict=True)
            ])  # fmt: skip
            groups[shapes].append(block)
        return [group for group in groups.values() if len(group) > 1]

    def delete(self, blocks: Iterable[str]) -> None:
        """Deletes these blocks, and no others."""
        deleted = {*blocks}
        for block, switch in self._switches.items():
            switch.on.assign(float(block not in deleted))

    def order(self, blocks: Sequence[str]) -> None:
        """Puts a block in the place of each of `self.blocks`, all of them whole."""
        self.delete([])
        for place, block in zip(self.blocks, blocks, strict=True):
            for layer, weights in zip(self._layers[place], self._weights[block], strict=True):
                layer.set_weights(weights)


def _ends(model: keras.Model) -> dict[str, str]:
    """By block, the layer that adds the shortcut; or else the last one on the branch."""
    ends = {}
    for layer in model.layers:
        block = BLOCK.match(layer.name)
        if block and (BRANCH.match(layer.name) or isinstance(layer, keras.layers.Add)):
            ends[block[1]] = layer.name
    return ends


def passes(subject: Subject, settings: AnalysisSettings) -> float:
    """One for each lesion, about half a network more or less."""
    blocks = len(_ends(subject.model))
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
