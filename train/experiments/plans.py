"""The papers' experiments as data: which networks each compares, and what a budget allows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from keras_resnet.families import NetworkConfig
from keras_resnet.spec import NETWORKS, SPECS, cifar
from keras_resnet.spec.blocks import ACTIVATION_ORDERS
from train.settings.recipe import Recipe
from train.settings.recipes import PAPER, PAPER_V2

Networks = dict[str, NetworkConfig]  # by label, as pictures, tables and claims name them


class Experiment(NamedTuple):
    """A comparison of networks."""

    title: str
    source: str  # where the papers have it
    networks: Mapping[str, Networks]  # by budget
    groups: Mapping[str, str] = {}  # title of a picture's panel, by the beginning of its labels
    rates: Mapping[str, float] = {}  # by label, the share of the recipe's learning rate


class Budget(NamedTuple):
    """How much is trained."""

    help: str
    recipe: Recipe
    seeds: int


def _depths(*depths: int) -> Networks:
    return {f"ResNet-{depth}": SPECS[f"ResNet{depth}"] for depth in depths}


def _plain(*depths: int) -> Networks:
    return {f"plain-{depth}": cifar(depth, shortcut="none") for depth in depths}


def _shortcuts(depth: int) -> Networks:
    options = {f"option {name}": cifar(depth, shortcut=name) for name in ("A", "B", "C")}
    return {**_plain(depth), **options}


def _identity(depth: int) -> Networks:
    kinds = {
        "identity": "A",
        "half of shortcut and branch": "scaled",
        "half of the shortcut": "scaled_shortcut",
        "exclusive gating": "gated",
        "shortcut-only gating": "gated_shortcut",
        "1x1 convolution": "C",
        "dropout on the shortcut": "dropout_shortcut",
    }
    return {label: cifar(depth, shortcut=kind) for label, kind in kinds.items()}


def _orders(depth: int) -> Networks:
    return {order: cifar(depth, activation_order=order) for order in ACTIVATION_ORDERS}


def _widths(*pairs: tuple[int, int]) -> Networks:
    """WRN-d-k: the paper counts two more layers, the projections of the shortcuts."""
    return {
        f"WRN-{depth}-{factor}": cifar(
            depth - 2, activation_order="full_preact", shortcut="B", width_multiplier=factor
        )
        for depth, factor in pairs
    }


def _named(**labels: str) -> Networks:
    return {label.replace("_", "-"): NETWORKS[name] for label, name in labels.items()}


_BEFORE = {
    "LeNet_5": "LeNet5ReLU", "AlexNet": "AlexNetCifar", "GoogLeNet": "GoogLeNetCifar",
}  # fmt: skip


EXPERIMENTS: dict[str, Experiment] = {
    "degradation": Experiment(
        "Depth, with and without shortcuts",
        "He et al. 2015, Fig. 6",
        {
            "minutes": _plain(8, 14) | {"ResNet-8": cifar(8), "ResNet-14": cifar(14)},
            "quick": _plain(20, 56) | _depths(20, 56),
            "full": _plain(20, 32, 44, 56) | _depths(20, 32, 44, 56, 110),
        },
        {"plain": "plain networks", "ResNet": "residual networks"},
    ),
    "shortcuts": Experiment(
        "Shortcut options A, B and C",
        "He et al. 2015, Table 3 (there ImageNet, 34 layers)",
        {"minutes": _shortcuts(8), "quick": _shortcuts(20), "full": _shortcuts(56)},
    ),
    "identity": Experiment(
        "Shortcuts that are not the identity",
        "He et al. 2016, Table 1",
        {"minutes": _identity(8), "quick": _identity(20), "full": _identity(110)},
    ),
    "orders": Experiment(
        "Activation orders",
        "He et al. 2016, Table 2",
        {"minutes": _orders(8), "quick": _orders(20), "full": _orders(110)},
    ),
    "depth": Experiment(
        "Residual networks by depth",
        "He et al. 2015, Table 6",
        {
            "minutes": {"ResNet-8": cifar(8), "ResNet-14": cifar(14)},
            "quick": _depths(20, 32, 44, 56),
            "full": _depths(20, 32, 44, 56, 110),
        },
    ),
    "width": Experiment(
        "Wide and deep networks",
        "Zagoruyko and Komodakis 2016, Table 4",
        {
            "minutes": _widths((10, 1), (10, 2)),
            "quick": _widths((16, 1), (16, 2), (58, 1)),
            "full": _widths((40, 1), (40, 2), (16, 4), (112, 1)),
        },
    ),
    "comparison": Experiment(
        "From LeNet to ResNet, on small images",
        "He et al. 2015, Table 4, which is of ImageNet; the papers have none on CIFAR-10",
        {
            "minutes": _named(LeNet_5="LeNet5ReLU", ResNet_8="ResNet8"),
            "quick": _named(**_BEFORE, VGG_11="VGG11Cifar", ResNet_20="ResNet20"),
            "full": _named(
                **_BEFORE, VGG_16="VGG16Cifar", ResNet_20="ResNet20", ResNet_110="ResNet110"
            ),
        },
        # Without batch normalization 0.1 is too much: LeNet-5 stays at chance. AlexNet's paper has
        # 0.01 (Krizhevsky et al. 2012, Sec. 5).
        rates={"LeNet-5": 0.1, "AlexNet": 0.1},
    ),
}

# PAPER's 64k steps are 182 epochs of the 45,000 images not held out, and 164 of all 50,000.
PAPER_IN_FULL = replace(PAPER, epochs=164, validation_fraction=0.0)

# With the rate divided in steps, as in the papers, eight epochs end while ResNet-56 is still behind
# ResNet-20; one rise and fall of the rate shows the effect: docs/papers.md.
BUDGETS = {
    "minutes": Budget(
        "one epoch of small networks: shows that all works",
        replace(PAPER_IN_FULL, epochs=1),
        seeds=2,
    ),
    "quick": Budget(
        "at most three hours an experiment on two cores",
        replace(PAPER_IN_FULL, epochs=8, schedule="one_cycle", warmup=0.25),
        seeds=2,
    ),
    "full": Budget(
        "164 epochs, the papers' 64k steps, five seeds",
        replace(PAPER_IN_FULL, warmup=PAPER_V2.warmup),
        seeds=5,
    ),
}
