"""What a residual network is: the frozen `Spec` that picks from the tables of parts.

`network.py` turns a `Spec` into a Keras model and never asks which network it is building. This
file needs the standard library only.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from keras_resnet.errors import InputError
from keras_resnet.options import MOST, check, check_number, option
from keras_resnet.parts import CONVENTIONS, ORDERS, SHORTCUTS, STEMS, UNITS


class Conv(NamedTuple):
    """A convolution on a residual branch, and the operations `then` that follow it."""

    filters: int
    kernel: int
    stride: int
    then: str


@dataclass(frozen=True)
class Spec:
    """A residual network, whole: two equal specs build the same network.

    Every field is a JSON key of `run.json` and, but for the last two, a flag of `train.cifar`.
    Lists are taken for tuples, so that `Spec(**json)` gives back what `asdict` gave.

    Raises:
        InputError: if a field has an impossible value (a `ValueError`).
    """

    units: tuple[int, ...] = option((3, 3, 3), "residual units in each stage")
    widths: tuple[int, ...] = option((16, 32, 64), "channels of each stage, before expansion")
    unit: str = option("basic", "residual unit", choices=UNITS)
    order: str = option("original", "activation order", choices=ORDERS)
    shortcut: str = option("A", "shortcut option", choices=SHORTCUTS)
    stem: str = option("small", "stem", choices=STEMS)
    convention: str = option("paper", "whose details", choices=CONVENTIONS)
    width_multiplier: float = option(
        1.0, "factor on the widths; the stem may become narrower, not wider", low=0.01, high=1000
    )
    zero_gamma: bool = option(False, "scale of the last normalisation of each unit begins at 0")
    dropout: float = option(
        0.0, "rate of dropout before the last convolution of each unit", low=0, high=0.95
    )
    stochastic_depth: float = option(
        0.0, "rate at which the last unit is left out; it grows evenly from unit to unit",
        low=0, high=0.95,
    )  # fmt: skip
    input_shape: tuple[int, int, int] = option((32, 32, 3), "height, width, channels")
    classes: int = option(10, "number of classes", low=1)

    def __post_init__(self) -> None:
        for name in ("units", "widths", "input_shape"):
            object.__setattr__(self, name, _positive(name, getattr(self, name)))
        check(self)
        if len(self.units) != len(self.widths):
            raise InputError(
                f"units {self.units} and widths {self.widths} must have one entry for each stage."
            )
        if len(self.input_shape) != 3:
            raise InputError(
                f"input_shape must be (height, width, channels); got {self.input_shape}."
            )
        outputs = [
            self.width(stage) * UNITS[self.unit].expansion for stage in range(len(self.units))
        ]
        for before, after in pairwise([self.stem_width, *outputs]):
            if after < before and SHORTCUTS[self.shortcut].change == "pad":
                raise InputError(
                    f"shortcut {self.shortcut} cannot go from {before} to {after} channels, as it "
                    "only adds some: use B or C."
                )
        if self.zero_gamma and "bn" not in ORDERS[self.order].leave:
            raise InputError(
                f"zero_gamma needs a normalisation at the end of the residual branch; order "
                f"{self.order!r} has none: use original, relu_before_add or relu_only_preact."
            )
        if self.stochastic_depth and self.shortcut == "none":
            raise InputError(
                "stochastic_depth leaves out the residual branch, and with shortcut 'none' nothing "
                "would remain: use A, B or C."
            )

    @property
    def depth(self) -> int:
        """Weighted layers as the papers count them: convolutions on the main path, and the head."""
        return 2 + sum(self.units) * len(UNITS[self.unit].kernels)

    @property
    def stride(self) -> int:
        """Input pixels for each pixel of the last stage, and so the smallest image side."""
        stem = STEMS[self.stem]
        return stem.stride * (2 if stem.pool else 1) * 2 ** (len(self.units) - 1)

    def check_size(self, *sides: int | None) -> None:
        """Checks that images are large enough; `None` stands for a side that is not known.

        Raises:
            InputError: if a side is smaller than `stride`.
        """
        if any(side is not None and side < self.stride for side in sides):
            raise InputError(
                f"Input size must be at least {self.stride}x{self.stride}; "
                f"Received: {'x'.join(map(str, sides))}"
            )

    def unit_stride(self, stage: int, index: int) -> int:
        """Stride of a residual unit: between two stages, one unit halves the image."""
        if CONVENTIONS[self.convention].stride_on_last:
            return 2 if stage < len(self.units) - 1 and index == self.units[stage] - 1 else 1
        return 2 if stage > 0 and index == 0 else 1

    def branch(self, stage: int, index: int) -> list[Conv]:
        """The convolutions on the residual branch of one unit, in order; both count from 0.

        Dropout is where "Wide Residual Networks" (2016, 2.4) has it. Rates of stochastic depth
        grow linearly (Huang et al. 2016, 3.2): the l-th of L units is left out at l / L of the
        spec's rate.
        """
        unit, order = UNITS[self.unit], ORDERS[self.order]
        last, width = len(unit.kernels) - 1, self.width(stage)
        filters = [width] * last + [width * unit.expansion]
        strides = [1] * (last + 1)
        strides[unit.strided] = self.unit_stride(stage, index)
        then = ["bn relu"] * last + [order.leave]
        if self.zero_gamma:
            then[last] = order.leave.replace("bn", "bn:zeros")
        if self.dropout:
            then[last - 1] += f" dropout:{self.dropout}"
        if self.stochastic_depth:
            place = (sum(self.units[:stage]) + index + 1) / sum(self.units)
            then[last] += f" drop:{self.stochastic_depth * place}"
        return [Conv(*row) for row in zip(filters, unit.kernels, strides, then, strict=True)]

    def width(self, stage: int) -> int:
        """Channels of a stage, before expansion."""
        return max(1, round(self.widths[stage] * self.width_multiplier))

    @property
    def stem_width(self) -> int:
        """Channels of the stem: the first width even if the stages are wider, as in WRN-28-10."""
        return min(self.widths[0], self.width(0))


def _positive(name: str, values: Any) -> tuple[int, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise InputError(f"{name} must be a list of whole numbers; got {values!r}.")
    for value in values:
        check_number(f"each of {name}", value, int, 1, MOST)
    return tuple(values)
