"""What a network costs, and the most that it may cost: plain data, no Keras."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from keras_resnet.spec import Spec, macs, parameters
from keras_resnet.spec.cost import convolutions, features
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import Settings, option, path

UNLIMITED = 2**53  # the largest of whole numbers that are all floats
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
    "latency_ratio": Cost("times the reference's latency", 3),
}


@dataclass(frozen=True)
class Budget(Settings):
    """The most that a network may cost, and how its speed is measured.

    Raises:
        InputError: if a limit is not a positive number, there is no such reference, or a ratio to
            one is limited and none is given.
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
    reference_tflite: str = option(
        "", "a .tflite file that networks are timed interleaved with", text=path
    )
    max_latency_ratio: float = option(
        1.0, "largest latency as a multiple of the reference's", low=1e-6, high=UNLIMITED
    )
    latency_format: str = option("int8", "what is timed", choices=LATENCY_FORMATS)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reference_tflite and not os.path.isfile(self.reference_tflite):
            raise InputError(
                f"no file {self.reference_tflite}: give a .tflite file as --reference_tflite."
            )
        if self.max_latency_ratio != 1 and not self.reference_tflite:
            raise InputError(
                f"max_latency_ratio {self.max_latency_ratio:g} has no reference: give a .tflite "
                "file as --reference_tflite."
            )

    def limit(self, name: str) -> float:
        """The limit of a key of `COSTS`."""
        return getattr(self, f"max_{name}")

    @property
    def timed(self) -> bool:
        """Whether latency has a limit."""
        return any(name.startswith("latency") for name in self.limited)

    @property
    def limited(self) -> list[str]:
        """The costs that have a limit, what is cheap to know first."""
        names = [name for name in COSTS if self.limit(name) < UNLIMITED]
        return (
            names if self.reference_tflite else [name for name in names if name != "latency_ratio"]
        )


def pareto_costs(costs: Collection[str]) -> list[str]:
    """Of some costs, those that networks are compared by: one of the two of latency."""
    left_out = "latency_ms" if "latency_ratio" in costs else "latency_ratio"
    return [name for name in COSTS if name in costs and name != left_out]


def cost_text(costs: dict[str, Any]) -> str:
    """Costs in words, in a line."""
    return ", ".join(row.text(costs[name]) for name, row in COSTS.items() if name in costs)
