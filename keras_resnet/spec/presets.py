"""The named networks as specs. Standard library only."""

from collections.abc import Mapping

from keras_resnet.spec.blocks import BLOCKS
from keras_resnet.spec.cost import macs, parameters
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import InputError, check_type, lookup
from keras_resnet.utils.fields import MOST, check_number

_IMAGENET = {  # He et al. 2015, Table 1
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
    200: ("bottleneck_v1.5", (3, 24, 36, 3)),  # Identity Mappings, Table 5; fb.resnet.torch, timm
}


def cifar(depth: int, block: str = "basic", **changes) -> Spec:
    """The CIFAR network of a depth: 6n+2 with basic blocks (He et al. 2015, 4.2), else 9n+2.

    Args:
        depth: Number of weighted layers.
        block: A key of `blocks.BLOCKS`.
        **changes: Other values for fields of the `Spec`.

    Raises:
        InputError: if no network has this depth; the message gives the nearest that exists.
    """
    depth = check_number("depth", depth, int, 1, MOST)
    step = 3 * len(lookup(BLOCKS, block, "block").kernels)
    n, rest = divmod(depth - 2, step)
    if rest or n < 1:
        near = max(1, round((depth - 2) / step))
        raise InputError(
            f"no CIFAR network of {block} blocks has depth {depth}: depths are {step}n+2, "
            f"the nearest is {step * near + 2}."
        )
    return Spec(**{"blocks": (n, n, n), "widths": (16, 32, 64), "block": block, **changes})


def imagenet(depth: int, **changes) -> Spec:
    """The ImageNet network of a depth (He et al. 2015, Table 1), with shortcut option B.

    Args:
        depth: Number of weighted layers: 18, 34, 50, 101, 152 or 200.
        **changes: Other values for fields of the `Spec`.

    Raises:
        InputError: if the table has no such depth.
    """
    depth = check_number("depth", depth, int, 1, MOST)
    if depth not in _IMAGENET:
        raise InputError(f"no ImageNet network has depth {depth}: use one of {list(_IMAGENET)}.")
    block, blocks = _IMAGENET[depth]
    defaults = {
        "blocks": blocks,
        "widths": (64, 128, 256, 512),
        "block": block,
        "shortcut": "B",
        "stem": "imagenet",
        "input_shape": (224, 224, 3),
        "classes": 1000,
    }
    return Spec(**{**defaults, **changes})


_V2 = {"activation_order": "full_preact"}
_KERAS_V1 = {"variant": "keras_v1"}
_KERAS_V2 = {"variant": "keras_v2", "block": "bottleneck_v1.5", **_V2}
_TIMM_V2 = {"variant": "timm_v2", **_V2}
_D = {"stem": "deep", "shortcut": "D"}  # "Bag of Tricks", He et al. 2018, 4.2; timm's names
# Option B: the second paper's own code projects with a 1x1 convolution (resnet-1k-layers).
_CIFAR_V2 = {"shortcut": "B", **_V2}

SPECS: dict[str, Spec] = {
    "ResNet18": imagenet(18),
    "ResNet34": imagenet(34),
    "ResNet50": imagenet(50, **_KERAS_V1),
    "ResNet101": imagenet(101, **_KERAS_V1),
    "ResNet152": imagenet(152, **_KERAS_V1),
    "ResNet200": imagenet(200),
    "ResNet18V2": imagenet(18, **_TIMM_V2),
    "ResNet34V2": imagenet(34, **_TIMM_V2),
    "ResNet50V2": imagenet(50, **_KERAS_V2),
    "ResNet101V2": imagenet(101, **_KERAS_V2),
    "ResNet152V2": imagenet(152, **_KERAS_V2),
    "ResNet200V2": imagenet(200, **_TIMM_V2),
    **{f"ResNet{depth}D": imagenet(depth, **_D) for depth in (18, 34)},
    **{
        f"ResNet{depth}D": imagenet(depth, block="bottleneck_v1.5", **_D)
        for depth in (50, 101, 152, 200)
    },
    "PlainNet18": imagenet(18, shortcut="none"),
    "PlainNet34": imagenet(34, shortcut="none"),
    **{f"ResNet{depth}": cifar(depth) for depth in (8, 20, 32, 44, 56, 110, 1202)},
    **{f"ResNet{depth}V2": cifar(depth, **_CIFAR_V2) for depth in (20, 32, 44, 56, 110)},
    **{f"ResNet{depth}": cifar(depth, "bottleneck", shortcut="B") for depth in (164, 1001)},
    **{f"ResNet{depth}V2": cifar(depth, "bottleneck", **_CIFAR_V2) for depth in (164, 1001)},
    **{f"PlainNet{depth}": cifar(depth, shortcut="none") for depth in (20, 32, 44, 56, 110)},
    # Few and wide residual units behind an early halving, for accuracy in little time.
    "ResNet12Wide": Spec((2, 2, 1), (128, 256, 256), shortcut="D", stem="early"),
}


def summary_table(specs: Mapping[str, Spec] = SPECS) -> str:
    """A Markdown table of networks: depth, parameters, multiply-accumulates, image size.

    Args:
        specs: The networks by name; by default all named ones.

    Raises:
        TypeError: if these are no specs.
    """
    check_type("specs", specs, Mapping, "a dictionary of keras_resnet.Specs")
    for spec in specs.values():
        check_type("each of specs", spec, Spec, "a keras_resnet.Spec")
    rows = [
        f"| {name} | {spec.depth} | {parameters(spec):,} | {parameters(spec, trainable=False):,} "
        f"| {macs(spec):,} | {'x'.join(map(str, spec.input_shape))} |"
        for name, spec in specs.items()
    ]
    head = (
        "| network | depth | parameters | with moving statistics | multiply-accumulates | images |",
        "|---|--:|--:|--:|--:|---|",
    )
    return "\n".join([*head, *rows])
