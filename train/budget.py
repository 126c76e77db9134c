"""What a network may cost: limits that no trial of a search breaks.

Numbers that a formula gives come first, so that what is too large is never built. For the others
the untrained network is exported: its weights do not change its bytes or its speed.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_resnet import Spec, macs, parameters
from keras_resnet.cost import convolutions, features
from keras_resnet.errors import InputError
from keras_resnet.formats import FORMATS, save
from keras_resnet.metadata import Card
from keras_resnet.options import check, option
from train import comparison, run
from train.engine import network
from train.quiet import quiet

UNLIMITED = 2**53  # the largest of whole numbers that are all floats
PROCESSES = 5  # in which a file is timed
LATENCY_FORMATS = {"int8": "bytes in, bytes out", "float32": "floats in, floats out"}


def least_int8_bytes(spec: Spec) -> int:
    """What an int8 file has at least: its kernels, and for each channel its bias, scale and zero.

    Sixteen bytes a channel: an int32, a float32 and an int64.
    """
    channels = sum((c.kernel**2 * c.inputs + 16) * c.outputs for c in convolutions(spec))
    return channels + features(spec) * spec.classes


class Cost(NamedTuple):
    """Something that a network costs."""

    title: str
    digits: int  # after the decimal point, as it is written
    formula: Callable[[Spec], int] | None = None  # what it costs; or else
    least: Callable[[Spec], int] | None = None  # what it costs at least

    def text(self, value: float) -> str:
        """A value as it is written, with its title."""
        return f"{value:,.{self.digits}f} {self.title}"


COSTS = {  # what is cheap to know first; the limits are `max_` and the name
    "params": Cost("parameters", 0, parameters),
    "macs": Cost("multiply-accumulates", 0, macs),
    "int8_bytes": Cost("bytes as int8", 0, None, least_int8_bytes),
    "latency_ms": Cost("ms an image, one thread", 3),
    "relative": Cost("times the rival's time", 3),
}


@dataclass(frozen=True)
class Budget:
    """The most that a network may cost, and how its speed is measured.

    Raises:
        InputError: if a limit is not a positive number.
    """

    max_params: int = option(UNLIMITED, "most parameters of a network", low=1, high=UNLIMITED)
    max_macs: int = option(
        UNLIMITED, "most multiply-accumulates for an image", low=1, high=UNLIMITED
    )
    max_int8_bytes: int = option(
        UNLIMITED, "most bytes of the exported int8 file", low=1, high=UNLIMITED
    )
    max_latency_ms: float = option(
        float(UNLIMITED),
        "most milliseconds an image, one thread, exported, here",
        low=1e-6,
        high=UNLIMITED,
    )
    rival: str = option("", "a .tflite file that networks are timed in turn with")
    max_relative: float = option(
        1.0, "most of the rival's time for an image", low=1e-6, high=UNLIMITED
    )
    latency_format: str = option("int8", "what is timed", choices=LATENCY_FORMATS)

    def __post_init__(self) -> None:
        check(self)
        if self.rival and not Path(self.rival).is_file():
            raise InputError(f"no file {self.rival}: give a .tflite file as --rival.")
        if self.max_relative != 1 and not self.rival:
            raise InputError(
                f"max_relative {self.max_relative:g} has nothing to relate to: give a .tflite file "
                "as --rival."
            )

    def limit(self, name: str) -> float:
        """The limit of a key of `COSTS`."""
        return getattr(self, f"max_{name}")

    @property
    def limited(self) -> list[str]:
        """The costs that have a limit, what is cheap to know first."""
        names = [name for name in COSTS if self.limit(name) < UNLIMITED]
        return names if self.rival else [name for name in names if name != "relative"]


class Meter:
    """Says what networks cost; what has to be measured is measured once for each network.

    Args:
        budget: For how speed is measured, and for the limits.
        card: What files say of themselves, which takes some bytes, too.
        path: A JSON file in which measurements are kept; `None` to forget them.
        shared: Whether it is another process that writes this file.
        center: Whether the mean colour is subtracted from images, see `Recipe`.
    """

    def __init__(
        self,
        budget: Budget,
        card: Card,
        path: Path | None = None,
        shared: bool = False,
        center: bool = True,
    ):
        self.budget, self.card, self.path, self.shared = budget, card, path, shared
        self.mean = 120.0 if center else 0.0
        self.measured = _kept(path) if path else {}

    def check_rival(self) -> None:
        """Times the rival alone.

        Raises:
            InputError: if it cannot be run.
        """
        if self.budget.rival:
            comparison.time_files([Path(self.budget.rival)], 1)

    def excess(self, spec: Spec, measure: bool = True) -> str | None:
        """In words, by what a network breaks the budget; `None` if it does not.

        Args:
            spec: The network, with the input shape and the classes of the data.
            measure: Whether to export it if formulas do not decide, and it was not yet measured.
        """
        for name in self.budget.limited:
            row = COSTS[name]
            known = row.formula or row.least
            if known and (words := self._words(name, known(spec))):
                return words
        if measure or _key(spec) in self.measured:
            for name in self.budget.limited:
                if not COSTS[name].formula and (words := self._words(name, self.all(spec)[name])):
                    return words
        return None

    def _words(self, name: str, value: float) -> str | None:
        limit, row = self.budget.limit(name), COSTS[name]
        return f"{row.text(value)}, of at most {limit:,.{row.digits}f}" if value > limit else None

    def all(self, spec: Spec) -> dict[str, float]:
        """What a network costs, by key of `COSTS`."""
        exact = {name: row.formula(spec) for name, row in COSTS.items() if row.formula}
        measured = self._measure(spec)
        return exact | {name: measured[name] for name in COSTS if name in measured}

    def _measure(self, spec: Spec) -> dict[str, float]:
        key = _key(spec)
        if key not in self.measured and self.path and self.shared:
            self.measured |= _kept(self.path)
        if key not in self.measured:
            self.measured[key] = _exported(spec, self.mean, self.card, self.budget)
            if self.path and not self.shared:
                run.write_json(self.path, self.measured)
        return self.measured[key]


def _key(spec: Spec) -> str:
    return json.dumps(asdict(spec))


def _kept(path: Path) -> dict[str, dict[str, float]]:
    try:
        return run.read_json(path)
    except FileNotFoundError:
        return {}
    except InputError as error:
        print(f"{error} Networks are measured again.", flush=True)
        return {}


def _exported(spec: Spec, mean: float, card: Card, budget: Budget) -> dict[str, float]:
    timed = budget.latency_format
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, *spec.input_shape), np.uint8)
    channels = spec.input_shape[2]
    with TemporaryDirectory() as name, quiet():
        folder = Path(name)
        model = network(spec, ([mean] * channels, [60.0] * channels), "softmax")
        for variable in model.weights:  # zeros and ones would be left out of the file
            if variable.dtype == "float32":
                noise = random.uniform(0.5, 1.5, variable.shape)
                variable.assign(noise if "moving" in variable.path else noise - 1)
        save(model, folder, sorted({"int8", timed}), card, images)
        keras.utils.clear_session()
        paths = [*([Path(budget.rival)] if budget.rival else []), folder / FORMATS[timed].file]
        rows = [comparison.time_files(paths, 1)[-1] for _ in range(PROCESSES)]
        size = (folder / FORMATS["int8"].file).stat().st_size
    # Other work on the machine can only slow a process down, so the fastest is the truest.
    costs = {"int8_bytes": size, "latency_ms": min(row["median_ms"] for row in rows)}
    return costs | ({"relative": median(row["relative"] for row in rows)} if budget.rival else {})


def compared(costs: Collection[str]) -> list[str]:
    """Of some costs, those that networks are compared by: of time, that in a rival's turns."""
    left_out = "latency_ms" if "relative" in costs else "relative"
    return [name for name in COSTS if name in costs and name != left_out]


def written(costs: dict[str, Any]) -> str:
    """Costs in words, in a line."""
    return ", ".join(row.text(costs[name]) for name, row in COSTS.items() if name in costs)
