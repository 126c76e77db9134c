"""How long a search will take, from the multiply-accumulates of its networks.

The time for an image is taken for a line, `fixed + per_mac * macs`, through two networks of the
space that are timed: batches cost more than their arithmetic, the more so the smaller they are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from time import perf_counter
from typing import NamedTuple

import keras

from keras_resnet import families
from keras_resnet.spec import Spec, macs
from keras_resnet.utils.errors import InputError
from train.data.dataset import Data
from train.measure import step_time
from train.search.space import describe
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import trainer

STEPS, SECONDS = 20, 3.0  # timed of each network, at least

Point = tuple[Spec, Recipe]


class Timing(NamedTuple):
    """What a network of so many multiply-accumulates took."""

    macs: int
    setup: float  # seconds until it trains
    image: float  # seconds for one image


@dataclass
class Forecast:
    """Seconds that trials take: measured, then corrected by how long trials really take."""

    setup: float
    fixed: float  # for an image
    per_mac: float
    images: float  # of an epoch
    typical: float  # mean multiply-accumulates of the space
    spent: float = 0.0  # seconds of finished trials
    expected: float = 0.0  # of the same

    def trial(self, epochs: int, macs: float) -> float:
        """Seconds of a trial, as first thought."""
        return self.setup + epochs * self.images * (self.fixed + self.per_mac * macs)

    def record(self, epochs: int, macs: float, seconds: float) -> None:
        """Takes note of how long a trial took."""
        self.spent += seconds
        self.expected += self.trial(epochs, macs)

    def total(self, epochs: Iterable[int]) -> float:
        """Seconds of trials to come, by their epochs."""
        correction = self.spent / self.expected if self.expected else 1.0
        return correction * sum(self.trial(number, self.typical) for number in epochs)

    def __str__(self) -> str:
        return (
            f"{self.setup:.0f} s to build and measure a network, then {1e3 * self.fixed:.2f} ms an "
            f"image and {1e9 * self.per_mac:.4f} ms for each million multiply-accumulates"
        )


def forecast(
    points: Sequence[Point], data: Data, execution: Execution, measure: Callable[[Spec], object]
) -> Forecast:
    """Times the smallest and the largest of some networks.

    Args:
        points: What may be tried, drawn at random.
        data: To train on.
        execution: How the machine is to compute it.
        measure: What is done with the network of a trial besides training it.
    """
    points = sorted(points, key=lambda point: macs(point[0]))
    small = _first(points, data, execution, measure)
    large = _first(points[::-1], data, execution, measure)
    rise = (large.image - small.image) / max(large.macs - small.macs, 1)
    per_mac = max(rise, 0.0)
    _, recipe = points[0]
    images, held_out = map(len, data.hold_out(recipe.validation_fraction))
    return Forecast(
        setup=mean([small.setup, large.setup]),
        fixed=max(small.image - per_mac * small.macs, 0.0),
        per_mac=per_mac,
        images=images + held_out / 3,  # no gradients: a third of the work
        typical=mean(macs(spec) for spec, _ in points),
    )


def _first(points: Sequence[Point], data: Data, execution: Execution, measure) -> Timing:
    """The timing of the first network that runs here at all."""
    for point in points:
        try:
            return _time(point, data, execution, measure)
        except InputError as error:  # too large for the memory, or too narrow for the runtime
            print(f"left out {describe(point[0])}: {error}", flush=True)
    raise InputError("no network of the space can be trained and exported here: change the ranges.")


def _time(point: Point, data: Data, execution: Execution, measure) -> Timing:
    spec, recipe = point
    keras.utils.clear_session()
    begin = perf_counter()
    training = trainer.prepare(spec, recipe, data, execution)
    measure(training.network)
    steps, step = step_time.time_steps(training, STEPS, SECONDS)
    setup = perf_counter() - begin - steps * step
    return Timing(families.macs(training.network), setup, step / recipe.batch_size)
