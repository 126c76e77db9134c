"""What a network may cost: limits that no trial of a search breaks.

Numbers that a formula gives come first, so that what is too large is never built. For the others
the untrained network is exported: its weights do not change its bytes or its speed.
"""

import json
from dataclasses import asdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import keras
import numpy as np

from keras_resnet.export.card import ModelCard
from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.export.formats import save
from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import read, write_json
from train.backend import backend
from train.data.statistics import Normalization
from train.measure import comparison
from train.search.budget import COSTS, Budget
from train.trainer.model import network_model
from train.utils.quiet import quiet

PROCESSES = 5  # in which a file is timed

Measured = dict[str, dict[str, float]]  # by network, then by key of `COSTS`


class CostMeter:
    """Says what networks cost; what has to be measured is measured once for each network.

    Args:
        budget: For how speed is measured, and for the limits.
        card: What files say of themselves, which takes some bytes, too.
        path: A JSON file in which measurements are kept; `None` to forget them.
        shared: Whether it is another process that writes this file.
        subtract_mean: Whether the mean color is subtracted from images, see `Recipe`.
    """

    def __init__(
        self,
        budget: Budget,
        card: ModelCard,
        path: Path | None = None,
        shared: bool = False,
        subtract_mean: bool = True,
    ):
        self.budget, self.card, self.path, self.shared = budget, card, path, shared
        self.mean = 120.0 if subtract_mean else 0.0
        self.measured = _kept(path) if path else {}

    def check_reference(self) -> None:
        """Times the reference file alone.

        Raises:
            InputError: if it cannot be run.
        """
        if self.budget.reference_tflite:
            comparison.time_files([Path(self.budget.reference_tflite)], 1)

    def violated_limit(self, spec: Spec, measure: bool = True) -> str | None:
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
        if measure or self._is_measured(spec, self.budget.timed):
            costs = self.known(spec)
            for name in self.budget.limited:
                if words := self._words(name, costs[name]):
                    return words
        return None

    def _words(self, name: str, value: float) -> str | None:
        limit, row = self.budget.limit(name), COSTS[name]
        return f"{row.text(value)}, of at most {limit:,.{row.digits}f}" if value > limit else None

    def all(self, spec: Spec) -> dict[str, float]:
        """What a network costs, by key of `COSTS`."""
        return _exact(spec) | self._measure(spec, timed=True)

    def known(self, spec: Spec) -> dict[str, float]:
        """The costs that formulas give, and of the others those that a limit asks for.

        Bytes need an export, and latency many runs in several processes on top of that.
        """
        if all(COSTS[name].formula for name in self.budget.limited):
            return _exact(spec)
        return _exact(spec) | self._measure(spec, self.budget.timed)

    def _is_measured(self, spec: Spec, timed: bool) -> bool:
        names = {"int8_bytes"} | ({"latency_ms"} if timed else set())
        if timed and self.budget.reference_tflite:
            names.add("latency_ratio")
        return names <= self.measured.get(_key(spec), {}).keys()

    def _measure(self, spec: Spec, timed: bool) -> dict[str, float]:
        if not self._is_measured(spec, timed) and self.path and self.shared:
            self.measured |= _kept(self.path)
        if not self._is_measured(spec, timed):
            found = _exported(spec, self.mean, self.card, self.budget, timed)
            self.measured[_key(spec)] = found
            if self.path and not self.shared:
                write_json(self.path, self.measured)
        return self.measured[_key(spec)]


def _exact(spec: Spec) -> dict[str, float]:
    return {name: row.formula(spec) for name, row in COSTS.items() if row.formula}


def _key(spec: Spec) -> str:
    return json.dumps(asdict(spec))


def _kept(path: Path) -> Measured:
    try:
        return read(Measured, path)
    except FileNotFoundError:
        return {}
    except InputError as error:
        print(f"{error} Networks are measured again.", flush=True)
        return {}


def _exported(
    spec: Spec, mean: float, card: ModelCard, budget: Budget, timed: bool
) -> dict[str, float]:
    formats = {"int8", budget.latency_format} if timed else {"int8"}
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, *spec.input_shape), np.uint8)
    channels = spec.input_shape[2]
    with TemporaryDirectory() as name, quiet():
        folder = Path(name)
        model = network_model(spec, Normalization([mean] * channels, [60.0] * channels), "softmax")
        for variable in model.weights:  # zeros and ones would be left out of the file
            if variable.dtype == "float32":
                noise = random.uniform(0.5, 1.5, variable.shape)
                variable.assign(noise if "moving" in variable.path else noise - 1)
        with backend().explain_writing():
            save(model, folder, sorted(formats), card, images)
        keras.utils.clear_session()
        size = (folder / FORMAT_FILES["int8"]).stat().st_size
        if not timed:
            return {"int8_bytes": size}
        paths = [
            *([Path(budget.reference_tflite)] if budget.reference_tflite else []),
            folder / FORMAT_FILES[budget.latency_format],
        ]
        rows = [comparison.time_files(paths, 1)[-1] for _ in range(PROCESSES)]
    # Other work on the machine can only slow a process down, so the fastest is the truest.
    costs = {"int8_bytes": size, "latency_ms": min(row["median_ms"] for row in rows)}
    return costs | (
        {"latency_ratio": median(row["latency_ratio"] for row in rows)}
        if budget.reference_tflite
        else {}
    )
