"""A residual network as data: the frozen `Spec`, which picks a row from each table of `blocks.py`.

`network.py` turns a `Spec` into a Keras model. Standard library only.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

from keras_resnet.spec.blocks import (
    ACTIVATION_ORDERS,
    BLOCKS,
    BN,
    RELU,
    SHORTCUTS,
    STEMS,
    VARIANTS,
    Op,
    Ops,
    has_bn,
)
from keras_resnet.spec.config import (
    MOST_STAGES,
    check_image_shape,
    check_sides,
    classes_field,
    image_field,
)
from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.utils.fields import MOST, Settings, option


class Conv(NamedTuple):
    """A convolution on a residual branch, and the operations that follow it."""

    filters: int
    kernel: int
    stride: int
    dilation: int  # pixels between the taps of the kernel
    then: Ops


@dataclass(frozen=True)
class Spec(Settings):
    """A residual network: two equal specs build the same network.

    Every field is a JSON key of `run.json` and, except the last two, a flag of `train.cifar`.
    Lists are converted to tuples, so that `Spec(**json)` inverts `asdict`.

    Raises:
        InputError: if a field has an impossible value (a `ValueError`).
    """

    any_size: ClassVar[bool] = True

    blocks: tuple[int, ...] = option(
        (3, 3, 3), "number of residual blocks in each stage", low=1, high=1000
    )
    widths: tuple[int, ...] = option(
        (16, 32, 64), "channels of each stage, before expansion", low=1, high=65536
    )
    block: str = option("basic", "type of residual block", choices=BLOCKS)
    activation_order: str = option("original", "activation order", choices=ACTIVATION_ORDERS)
    shortcut: str = option("A", "shortcut option", choices=SHORTCUTS)
    stem: str = option("cifar", "stem", choices=STEMS)
    variant: str = option("paper", "implementation whose details to follow", choices=VARIANTS)
    width_multiplier: float = option(
        1.0, "factor on the widths; it may narrow the stem, but not widen it", low=0.01, high=1000
    )
    zero_gamma: bool = option(
        False, "initialize the scale of each block's last batch normalization to 0"
    )
    dropout: float = option(
        0.0, "dropout rate before the last convolution of each block", low=0, high=0.95
    )
    stochastic_depth: float = option(
        0.0, "drop rate of the last residual branch; it grows linearly from block to block",
        low=0, high=0.95,
    )  # fmt: skip
    output_stride: int = option(
        0, "input pixels per pixel of the last stage, by dilation; 0 for the network's own", low=0
    )
    input_shape: tuple[int, int, int] = image_field(32)
    classes: int = classes_field(10)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_stages()
        check_image_shape(self.input_shape)
        self._check_weights()
        self._check_padding()
        self._check_output_stride()
        self._check_pooling()
        self._check_zero_gamma()
        self._check_stochastic_depth()

    def _check_stages(self) -> None:
        """Checks that blocks and widths are of the same stages, and that these are not too many."""
        if not 1 <= len(self.blocks) == len(self.widths) <= MOST_STAGES:
            raise InputError(
                f"blocks {shorten(self.blocks)} and widths {shorten(self.widths)} must have one "
                f"entry for each of 1 to {MOST_STAGES} stages."
            )

    def _check_weights(self) -> None:
        """Checks that there are not more weights than TensorFlow numbers."""
        if (weights := self._least_weights()) > MOST:
            raise InputError(
                f"blocks {self.blocks} of widths {self.widths} have {weights:,} parameters or "
                f"more, and a network has at most {MOST:,}: choose fewer or narrower ones."
            )

    def _check_padding(self) -> None:
        """Checks that no stage is narrower than the one before, if shortcuts pad with zeros."""
        outputs = [
            self.width(stage) * BLOCKS[self.block].expansion for stage in range(len(self.blocks))
        ]
        for before, after in pairwise([self.stem_width, *outputs]):
            if after < before and SHORTCUTS[self.shortcut].change == "pad":
                raise InputError(
                    f"shortcut {self.shortcut} cannot go from {before} to {after} channels, as it "
                    "only adds some: use B or C."
                )

    def _check_output_stride(self) -> None:
        """Checks that the strides of the last stages can be left out to reach `output_stride`.

        The second stage keeps its stride, as in DeepLab and timm.
        """
        last = len(self.blocks) - 1
        legal = [self.stage_stride(stage) for stage in range(min(1, last), last + 1)]
        if self.output_stride not in (0, *legal):
            raise InputError(
                f"output_stride must be {', '.join(map(str, legal))}, or 0 for the network's own, "
                f"with blocks {self.blocks} and stem {self.stem!r}; got {self.output_stride}."
            )

    def _check_pooling(self) -> None:
        """Checks that no stride is left out that shortcuts would average over."""
        if self.output_stride not in (0, self.stage_stride(len(self.blocks) - 1)) and (
            SHORTCUTS[self.shortcut].change == "pool_project"
        ):
            raise InputError(
                f"output_stride {self.output_stride} leaves strides out, and shortcut "
                f"{self.shortcut} averages what these skip: use B or C."
            )

    def _check_zero_gamma(self) -> None:
        """Checks that a branch ends in the batch normalization that is to begin at zero."""
        if self.zero_gamma and not has_bn(ACTIVATION_ORDERS[self.activation_order].leave):
            raise InputError(
                "zero_gamma needs a batch normalization at the end of the residual branch, and "
                f"activation_order {self.activation_order!r} has none: use original, "
                "relu_before_add or relu_only_preact."
            )

    def _check_stochastic_depth(self) -> None:
        """Checks that something remains where a branch is dropped."""
        if self.stochastic_depth and self.shortcut == "none":
            raise InputError(
                "stochastic_depth drops residual branches, and with shortcut 'none' nothing "
                "would remain: use A, B or C."
            )

    def _least_weights(self) -> int:
        """About the number of parameters, and never more: every block has a 3x3 convolution."""
        widths = [self.width(stage) for stage in range(len(self.blocks))]
        inner = sum(9 * n * width**2 for n, width in zip(self.blocks, widths, strict=True))
        return inner + widths[-1] * BLOCKS[self.block].expansion * self.classes

    @property
    def preprocessing(self) -> str:
        """How published weights of this network want images, a key of `preprocessing.MODES`."""
        small = STEMS[self.stem].stride == 1  # as of CIFAR-10, whatever the classes are by now
        return "cifar10" if small else VARIANTS[self.variant].preprocessing

    @property
    def depth(self) -> int:
        """Weighted layers as the papers count them: convolutions on the main path, and the head.

        A stem counts as one, as in the name ResNet-50-D.
        """
        return 2 + sum(self.blocks) * len(BLOCKS[self.block].kernels)

    @property
    def stride(self) -> int:
        """Input pixels per pixel of the last stage: also the smallest side of an image."""
        return self.output_stride or self.stage_stride(len(self.blocks) - 1)

    def stage_stride(self, stage: int) -> int:
        """Input pixels per pixel of a stage, counted from 0, in the network without dilation."""
        stem = STEMS[self.stem]
        return stem.stride * (2 if stem.pool else 1) * 2**stage

    def check_size(self, *sides: int | None) -> None:
        """Checks that images are large enough; `None` stands for a side that is not known.

        Raises:
            InputError: if a side is smaller than `stride`.
        """
        check_sides(self.stride, sides)

    def block_strides(self, stage: int, index: int) -> tuple[int, int]:
        """Input pixels per pixel that a block takes, and that it gives, without dilation.

        Between two stages, one block halves the image.
        """
        last = len(self.blocks) - 1
        if VARIANTS[self.variant].stride_on_last:
            before, after = stage, min(stage + (index == self.blocks[stage] - 1), last)
        else:
            before, after = max(stage - (index == 0), 0), stage
        return self.stage_stride(before), self.stage_stride(after)

    def block_stride(self, stage: int, index: int) -> int:
        """Stride of a residual block, after dilation has taken the place of the last ones."""
        before, after = (min(stride, self.stride) for stride in self.block_strides(stage, index))
        return after // before

    def branch(self, stage: int, index: int) -> list[Conv]:
        """The convolutions on the residual branch of a block, in order; both indices count from 0.

        Dropout is where "Wide Residual Networks" (2016, 2.4) has it. Rates of stochastic depth
        grow linearly (Huang et al. 2016, 3.2): the l-th of L blocks is dropped at l / L of the
        spec's rate.

        Where a stride is left out, all later kernels are dilated by it, so that they see the pixels
        that they saw before (Chen et al. 2017, "Rethinking Atrous Convolution", 3.1). The kernel
        that had the stride is not: as in torchvision, timm and TF-Slim.
        """
        block, order = BLOCKS[self.block], ACTIVATION_ORDERS[self.activation_order]
        last, width = len(block.kernels) - 1, self.width(stage)
        filters = [width] * last + [width * block.expansion]
        strides = [1] * (last + 1)
        strides[block.strided] = self.block_stride(stage, index)
        before, after = (
            stride // min(stride, self.stride) for stride in self.block_strides(stage, index)
        )
        dilations = [
            (before if i <= block.strided else after) if kernel > 1 else 1
            for i, kernel in enumerate(block.kernels)
        ]
        then: list[Ops] = [(BN, RELU)] * last + [order.leave]
        if self.zero_gamma:
            then[last] = tuple(Op("bn", "zeros") if op == BN else op for op in order.leave)
        if self.dropout:
            then[last - 1] += (Op("dropout", self.dropout),)
        if self.stochastic_depth:
            place = (sum(self.blocks[:stage]) + index + 1) / sum(self.blocks)
            then[last] += (Op("drop_path", self.stochastic_depth * place),)
        rows = zip(filters, block.kernels, strides, dilations, then, strict=True)
        return [Conv(*row) for row in rows]

    def stem_convs(self) -> list[Conv]:
        """The convolutions of the stem, in order: the last one ends as every block does."""
        stem, order = STEMS[self.stem], ACTIVATION_ORDERS[self.activation_order]
        filters = [max(1, round(self.stem_width * share)) for share in stem.shares]
        strides = [stem.stride] + [1] * (len(filters) - 1)
        then = [(BN, RELU)] * (len(filters) - 1) + [order.leave + order.after]
        rows = zip(filters, strides, then, strict=True)
        return [Conv(width, stem.kernel, stride, 1, ops) for width, stride, ops in rows]

    def width(self, stage: int) -> int:
        """Channels of a stage, before expansion."""
        return max(1, round(self.widths[stage] * self.width_multiplier))

    @property
    def stem_width(self) -> int:
        """Channels of the stem: the first width even if the stages are wider, as in WRN-28-10."""
        return min(self.widths[0], self.width(0))
