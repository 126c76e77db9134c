"""What a residual network is: tables of parts, and the frozen `Spec` that picks from them.

A variant of the papers is a row of a table. `network.py` turns a `Spec` into a Keras model and
never asks which network it is building. This file needs the standard library only.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from keras_resnet.errors import InputError
from keras_resnet.options import MOST, check, check_number, option


class Unit(NamedTuple):
    """The convolutions on the residual branch of one unit (He et al. 2015, Fig. 5)."""

    kernels: tuple[int, ...]  # kernel size of each convolution, in order
    expansion: int  # output channels of the unit / width of the stage
    strided: int  # which convolution has the stride of the unit


class Order(NamedTuple):
    """Where the fork and the addition fall in the cycle `conv bn relu` (Identity Mappings, Fig. 4).

    Between two convolutions of a branch there is always `bn relu`. The same two operations occur
    between the last convolution of one unit and the first of the next, and an order says where:
    fork, ENTER, conv (bn relu conv)*, LEAVE, add, AFTER. So `leave + after + enter` is `bn relu`.
    """

    enter: str
    leave: str
    after: str


class Shortcut(NamedTuple):
    """What runs beside the residual branch; each is a function in `layers.PATHS`."""

    same: str  # where the number of channels stays
    change: str  # where it changes


class Stem(NamedTuple):
    """What comes before the first residual unit."""

    kernel: int
    stride: int
    pool: bool  # a 3x3 max pooling of stride 2 follows


class Convention(NamedTuple):
    """Details in which published codes differ, for the same architecture.

    The defaults are those of Torch's codes: fb.resnet.torch, resnet-1k-layers, torchvision, timm.

    Attributes:
        bias_before_bn: Keras's v1 has biases there. They have no effect, but are in its files.
        bias_elsewhere: Keras's networks have biases there: the default of its layers.
        epsilon: Of batch normalisation, Torch's default; Keras's networks have 1.001e-5.
        momentum: Of batch normalisation, as Keras counts it: 1 less Torch's default.
        stride_on_last: In Keras's v2 the last unit of a stage halves the image, as in TF-Slim's;
            elsewhere the first unit of the next stage.
        pad_always: Keras's v2 pads in a layer before every 3x3 convolution; elsewhere, here, before
            strided ones.
        pool_padding: Of the stem's pooling, a key of `layers.POOLS`. After a rectification zeros
            never win; timm's v2 pools signed numbers, and pads with what does not.
        fork_active: The network's first unit forks after its activation, so that even its identity
            starts there (Identity Mappings, appendix); in Keras's and timm's v2 before it.
        preprocessing: What published weights expect, a key of `imagenet_utils.MODES`.
    """

    bias_before_bn: bool = False
    bias_elsewhere: bool = False
    epsilon: float = 1e-5
    momentum: float = 0.9
    stride_on_last: bool = False
    pad_always: bool = False
    pool_padding: str = "zeros"
    fork_active: bool = True
    preprocessing: str = "torch"


class Conv(NamedTuple):
    """A convolution on a residual branch, and the operations `then` that follow it."""

    filters: int
    kernel: int
    stride: int
    then: str


UNITS = {
    "basic": Unit((3, 3), 1, 0),  # He et al. 2015, Fig. 5 left
    "bottleneck": Unit((1, 3, 1), 4, 0),  # Fig. 5 right, as in the authors' and Keras's v1
    "bottleneck_v1.5": Unit((1, 3, 1), 4, 1),  # fb.resnet.torch, torchvision, timm, Keras's v2
    "wide_bottleneck": Unit((1, 3, 1), 2, 1),  # WRN-50-2 of "Wide Residual Networks", 2016
}

ORDERS = {  # Identity Mappings, Table 2 and Fig. 4 (a)-(e)
    "original": Order("", "bn", "relu"),  # v1
    "bn_after_add": Order("", "", "bn relu"),
    "relu_before_add": Order("", "bn relu", ""),
    "relu_only_preact": Order("relu", "bn", ""),
    "full_preact": Order("bn relu", "", ""),  # v2
}

SHORTCUTS = {  # He et al. 2015, 3.3 and 4.1
    "A": Shortcut("identity", "pad"),  # channels of zeros: no parameters
    "B": Shortcut("identity", "project"),
    "C": Shortcut("project", "project"),
    "none": Shortcut("none", "none"),  # a plain network
}

STEMS = {
    "small": Stem(3, 1, False),  # He et al. 2015, 4.2: CIFAR-10
    "imagenet": Stem(7, 2, True),  # He et al. 2015, Table 1
}

CONVENTIONS = {
    # He et al. 2015; resnet-1k-layers, the second paper's own code; torchvision, and timm's v1.
    "paper": Convention(),
    # keras.applications.resnet: ResNet50, 101, 152.
    "keras_v1": Convention(
        bias_before_bn=True,
        bias_elsewhere=True,
        epsilon=1.001e-5,
        momentum=0.99,
        preprocessing="caffe",
    ),
    # keras.applications.resnet_v2: ResNet50V2, 101V2, 152V2.
    "keras_v2": Convention(
        bias_elsewhere=True,
        epsilon=1.001e-5,
        momentum=0.99,
        stride_on_last=True,
        pad_always=True,
        fork_active=False,
        preprocessing="tf",
    ),
    # timm's resnetv2, and keras-hub's networks with pre-activation.
    "timm_v2": Convention(pool_padding="least", fork_active=False, preprocessing="tf"),
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
