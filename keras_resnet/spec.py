"""What a residual network is: tables of parts, and the frozen `Spec` that picks from them.

A variant of the papers is a row of a table. `resnet.py` turns a `Spec` into a Keras model and
never asks which network it is building. This file needs the standard library only.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from keras_resnet.errors import InputError
from keras_resnet.options import MOST, check, check_number, option


class Unit(NamedTuple):
    """The convolutions on the residual branch of one unit (He et al. 2015, Fig. 5)."""

    kernels: tuple[int, ...]  # kernel size of each convolution, in order
    expansion: int  # output channels of the unit / width of the stage


class Order(NamedTuple):
    """Where the fork and the addition fall in the cycle `conv bn relu` (Identity Mappings, Fig. 4).

    Between two convolutions of a branch there is always `bn relu`. The same two operations occur
    between the last convolution of one unit and the first of the next, and an order says where:
    fork, ENTER, conv (bn relu conv)*, LEAVE, add, AFTER. So `leave + after + enter` is `bn relu`.
    """

    enter: str
    leave: str
    after: str


class Stem(NamedTuple):
    """What comes before the first residual unit."""

    kernel: int
    stride: int
    pool: bool  # a 3x3 max pooling of stride 2 follows


class Convention(NamedTuple):
    """Details in which the papers' code and Keras's networks differ, for the same architecture."""

    bias_before_bn: bool  # a bias there has no effect, but it is in Keras's weight files
    bias_elsewhere: bool
    epsilon: float  # of batch normalisation
    momentum: float  # of batch normalisation, as Keras counts it: 1 - Torch's
    stride_on_3x3: bool  # in a bottleneck: on the 3x3 convolution, or else on the first 1x1
    stride_on_last: bool  # in the last unit of a stage, or else in the first unit of the next
    pad_always: bool  # a padding layer before every k>1 convolution, or else before strided ones


UNITS = {
    "basic": Unit((3, 3), 1),
    "bottleneck": Unit((1, 3, 1), 4),
}

ORDERS = {  # Identity Mappings, Table 2 and Fig. 4 (a)-(e)
    "original": Order("", "bn", "relu"),  # v1
    "bn_after_add": Order("", "", "bn relu"),
    "relu_before_add": Order("", "bn relu", ""),
    "relu_only_preact": Order("relu", "bn", ""),
    "full_preact": Order("bn relu", "", ""),  # v2
}

STEMS = {
    "small": Stem(3, 1, False),  # He et al. 2015, 4.2: CIFAR-10
    "imagenet": Stem(7, 2, True),  # He et al. 2015, Table 1
}

CONVENTIONS = {
    # He et al. 2015, and resnet-1k-layers, the second paper's own code.
    "paper": Convention(False, False, 1e-5, 0.9, False, False, False),
    # keras.applications.resnet: ResNet50, 101, 152.
    "keras_v1": Convention(True, True, 1.001e-5, 0.99, False, False, False),
    # keras.applications.resnet_v2: ResNet50V2, 101V2, 152V2.
    "keras_v2": Convention(False, True, 1.001e-5, 0.99, True, True, True),
}

SHORTCUTS = {  # He et al. 2015, 3.3 and 4.1; the functions are in `layers.py`
    "A": "identity; zero-padded channels where the number of channels grows: no parameters",
    "B": "identity; a 1x1 convolution where the number of channels changes",
    "C": "a 1x1 convolution in every unit",
    "none": "no shortcut: a plain network",
}


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


def _positive(name: str, values: Any) -> tuple[int, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise InputError(f"{name} must be a list of whole numbers; got {values!r}.")
    for value in values:
        check_number(f"each of {name}", value, int, 1, MOST)
    return tuple(values)
