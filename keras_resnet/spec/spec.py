"""A residual network as data: the frozen `Spec`, which picks a row from each table of `blocks.py`.

`network.py` turns a `Spec` into a Keras model. Standard library only.
"""

from dataclasses import dataclass
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
)
from keras_resnet.spec.checks import CHECKS
from keras_resnet.spec.config import check_sides, classes_field, image_field
from keras_resnet.utils.fields import Settings, option


class MainConv(NamedTuple):
    """A convolution on the main path, of the stem or a residual branch, and what follows it."""

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
        for check in CHECKS:
            check(self)

    @property
    def preprocessing(self) -> str:
        """How published weights of this network want images, a key of `preprocessing.MODES`."""
        small = STEMS[self.stem].small_images  # whatever the classes are by now
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
        return STEMS[self.stem].reduction * 2**stage

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

    def branch(self, stage: int, index: int) -> list[MainConv]:
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
        return [MainConv(*row) for row in rows]

    def stem_convs(self) -> list[MainConv]:
        """The convolutions of the stem, in order: the last one ends as every block does."""
        stem, order = STEMS[self.stem], ACTIVATION_ORDERS[self.activation_order]
        filters = [max(1, round(self.stem_width * share)) for share in stem.shares]
        strides = [stem.stride] + [1] * (len(filters) - 1)
        then = [(BN, RELU)] * (len(filters) - 1) + [order.leave + order.after]
        rows = zip(filters, strides, then, strict=True)
        return [MainConv(width, stem.kernel, stride, 1, ops) for width, stride, ops in rows]

    def width(self, stage: int) -> int:
        """Channels of a stage, before expansion."""
        return max(1, round(self.widths[stage] * self.width_multiplier))

    @property
    def stem_width(self) -> int:
        """Channels of the stem: the first width even if the stages are wider, as in WRN-28-10."""
        return min(self.widths[0], self.width(0))
