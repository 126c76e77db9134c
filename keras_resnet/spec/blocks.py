"""The building blocks of residual networks: each variant of the papers is a row of a table.

Standard library only.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Op(NamedTuple):
    """A layer that follows a convolution."""

    kind: str  # a key of `layers.OPS`
    setting: str | float | None = None  # initial scale of a normalization, rate of a dropout


Ops = tuple[Op, ...]
BN, RELU = Op("bn"), Op("relu")


def has_bn(ops: Iterable[Op]) -> bool:
    """Whether one of the operations is a batch normalization."""
    return any(op.kind == "bn" for op in ops)


class Block(NamedTuple):
    """The convolutions on the residual branch of one block (He et al. 2015, Fig. 5)."""

    kernels: tuple[int, ...]  # kernel size of each convolution, in order
    expansion: int  # output channels of the block / width of the stage
    strided: int  # which convolution has the stride of the block


class ActivationOrder(NamedTuple):
    """Where the fork and the addition fall in the cycle `conv bn relu` (Identity Mappings, Fig. 4).

    Between two convolutions of a branch there is always `bn relu`. The same two operations occur
    between the last convolution of one block and the first of the next, and an order says where:
    fork, ENTER, conv (bn relu conv)*, LEAVE, add, AFTER. So `leave + after + enter` is `bn relu`.
    """

    enter: Ops
    leave: Ops
    after: Ops


class Shortcut(NamedTuple):
    """What runs beside the residual branch; each path is a function in `layers.PATHS`."""

    same: str  # where the number of channels stays
    change: str  # where it changes
    weigh: str = "alike"  # what becomes of both before they are added, in `layers.WEIGHINGS`
    gated: bool = False  # whether a 1x1 convolution weighs them, of what the branch takes


class Stem(NamedTuple):
    """What comes before the first residual block."""

    kernel: int
    stride: int  # of the first convolution
    pool: bool  # a 3x3 max pooling of stride 2 follows
    shares: tuple[float, ...] = (1,)  # channels of each convolution, in those of the stem

    @property
    def reduction(self) -> int:
        """Pixels of the image, to a side, for one of the first block."""
        return self.stride * (2 if self.pool else 1)

    @property
    def small_images(self) -> bool:
        """Whether it is for images as of CIFAR-10, and not as of ImageNet."""
        return self.reduction < 4


class Variant(NamedTuple):
    """Details in which published implementations of the same architecture differ.

    The defaults are those of the Torch ones: fb.resnet.torch, resnet-1k-layers, torchvision, timm.

    Attributes:
        bias_before_bn: Keras's v1 has biases there. They have no effect, but are in its files.
        bias_elsewhere: Keras's networks have biases there: the default of its layers.
        epsilon: Of batch normalization: Torch's default; Keras's networks have 1.001e-5.
        momentum: Of batch normalization, in Keras's convention: 1 minus Torch's default.
        stride_on_last: In Keras's v2 the last block of a stage halves the image, as in TF-Slim's;
            elsewhere the first block of the next stage.
        pad_always: Keras's v2 pads in a layer before every 3x3 convolution; elsewhere, here, before
            strided ones.
        pool_padding: Of the stem's max pooling, a key of `layers.POOLS`. After a ReLU zeros never
            win; timm's v2 pools signed values, and pads with minus infinity.
        fork_active: The network's first block forks after its activation, so that even its identity
            starts there (Identity Mappings, appendix); in Keras's and timm's v2 before it.
        preprocessing: What published weights expect, a key of `preprocessing.MODES`.
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

    def has_bias(self, then: Ops) -> bool:
        """Whether a convolution has a bias that these operations follow."""
        return self.bias_before_bn if has_bn(then) else self.bias_elsewhere


BLOCKS = {
    "basic": Block((3, 3), 1, 0),  # He et al. 2015, Fig. 5 left
    "bottleneck": Block((1, 3, 1), 4, 0),  # Fig. 5 right, as in the authors' and Keras's v1
    "bottleneck_v1.5": Block((1, 3, 1), 4, 1),  # fb.resnet.torch, torchvision, timm, Keras's v2
    "wide_bottleneck": Block((1, 3, 1), 2, 1),  # WRN-50-2 of "Wide Residual Networks", 2016
}

ACTIVATION_ORDERS = {  # Identity Mappings, Table 2 and Fig. 4 (a)-(e)
    "original": ActivationOrder((), (BN,), (RELU,)),  # v1
    "bn_after_add": ActivationOrder((), (), (BN, RELU)),
    "relu_before_add": ActivationOrder((), (BN, RELU), ()),
    "relu_only_preact": ActivationOrder((RELU,), (BN,), ()),
    "full_preact": ActivationOrder((BN, RELU), (), ()),  # v2
}

SHORTCUTS = {
    # He et al. 2015, 3.3 and 4.1
    "A": Shortcut("identity", "pad"),  # channels of zeros: no parameters
    "B": Shortcut("identity", "project"),
    "C": Shortcut("project", "project"),
    # ResNet-D ("Bag of Tricks", He et al. 2018, 4.2): a stride skips no pixel, but averages four
    "D": Shortcut("identity", "pool_project"),
    "none": Shortcut("none", "none"),  # a plain network
    # Identity Mappings, 3 and Table 1: what is not the identity is worse
    "scaled": Shortcut("identity", "pad", "halve"),  # half of both
    "scaled_shortcut": Shortcut("identity", "pad", "halve_shortcut"),
    "gated": Shortcut("identity", "pad", "gate", True),  # exclusive gating, as in Highway Networks
    "gated_shortcut": Shortcut("identity", "pad", "gate_shortcut", True),
    "dropout_shortcut": Shortcut("identity", "pad", "drop_shortcut"),
}

PROJECTIONS = "project", "pool_project"  # the paths with a convolution

STEMS = {
    "cifar": Stem(3, 1, False),  # He et al. 2015, 4.2: CIFAR-10
    "strided": Stem(3, 2, False),  # MobileNet (Howard et al. 2017, Table 1): for phones
    "imagenet": Stem(7, 2, True),  # He et al. 2015, Table 1
    "deep": Stem(3, 2, True, (1 / 2, 1 / 2, 1)),  # ResNet-C ("Bag of Tricks", He et al. 2018, 4.2)
    # 32x32 pixels are halved before the first block (airbench96: Jordan 2024)
    "early": Stem(3, 1, True, (3 / 16, 1)),
    "tiered": Stem(3, 2, True, (3 / 8, 1 / 2, 1)),  # timm's resnet10t, 14t, 26t
}

VARIANTS = {
    # He et al. 2015; resnet-1k-layers, the second paper's own code; torchvision, and timm's v1.
    "paper": Variant(),
    # keras.applications.resnet: ResNet50, 101, 152.
    "keras_v1": Variant(
        bias_before_bn=True,
        bias_elsewhere=True,
        epsilon=1.001e-5,
        momentum=0.99,
        preprocessing="caffe",
    ),
    # keras.applications.resnet_v2: ResNet50V2, 101V2, 152V2.
    "keras_v2": Variant(
        bias_elsewhere=True,
        epsilon=1.001e-5,
        momentum=0.99,
        stride_on_last=True,
        pad_always=True,
        fork_active=False,
        preprocessing="tf",
    ),
    # timm's resnetv2, and keras-hub's networks with pre-activation.
    "timm_v2": Variant(pool_padding="minus_infinity", fork_active=False, preprocessing="tf"),
}
