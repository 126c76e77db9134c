"""Costs from the spec against the built network, and against published counts."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_resnet import SPECS, ResNet, Spec, cifar, imagenet, macs, parameters
from keras_resnet.spec.blocks import ACTIVATION_ORDERS, BLOCKS, SHORTCUTS, VARIANTS


def counted(model):
    """Multiply-accumulates of a built model: positions times weights, layer by layer."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            total += np.prod(layer.output.shape[1:-1]) * np.prod(layer.kernel.shape)
    return int(total)


def assert_costs_are_those_of_the_built(spec):
    model = ResNet(spec)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert parameters(spec) == trainable
    assert parameters(spec, trainable=False) == model.count_params()
    assert macs(spec) == counted(model)


BUSIEST = ("bottleneck", "C")


@pytest.mark.parametrize(
    ("block", "shortcut", "order"),
    [
        # Each pair of a shortcut with a block, and of the most layers with an order, counts.
        pytest.param(block, shortcut, order, marks=pytest.mark.slow if later else ())
        for block in ("basic", "bottleneck")
        for shortcut in ("A", "B", "C", "none")
        for order in ACTIVATION_ORDERS
        for later in [order not in ("original", "full_preact") and (block, shortcut) != BUSIEST]
    ],
)
def test_every_order_shortcut_and_block(block, shortcut, order):
    spec = Spec((1, 2), (4, 8), block, order, shortcut, input_shape=(11, 8, 3))
    assert_costs_are_those_of_the_built(spec)


@pytest.mark.parametrize("shortcut", [name for name in SHORTCUTS if len(name) > 4])
@pytest.mark.parametrize("variant", ["paper", "keras_v1"])
def test_other_shortcuts(shortcut, variant):
    shape = {"input_shape": (11, 8, 3), "variant": variant}
    assert_costs_are_those_of_the_built(Spec((1, 2), (4, 8), shortcut=shortcut, **shape))


@pytest.mark.parametrize("order", ["original", "full_preact"])
@pytest.mark.parametrize("stem", ["strided", "deep", "early", "tiered"])
def test_other_stems_and_averaging_shortcuts(stem, order):
    shape = {"input_shape": (37, 48, 3), "activation_order": order}
    assert_costs_are_those_of_the_built(
        Spec((1, 2), (8, 16), "bottleneck_v1.5", shortcut="D", stem=stem, **shape)
    )


@pytest.mark.parametrize(
    ("order", "block", "variant"),
    [
        # Each variant with each block, and with each order.
        pytest.param(order, block, variant, marks=pytest.mark.slow if later else ())
        for order in ("original", "full_preact")
        for block in BLOCKS
        for variant in VARIANTS
        for later in [order == "full_preact" and block != "bottleneck"]
    ],
)
def test_every_variant_and_block(order, block, variant):
    spec = Spec(
        (2, 1), (8, 16), block, order, "B", "imagenet", variant, 1.5, input_shape=(33, 48, 1)
    )
    assert_costs_are_those_of_the_built(spec)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("block", BLOCKS)
def test_dilated_networks(block, variant):
    widths = {"blocks": (2, 1, 2), "widths": (8, 16, 16), "input_shape": (17, 22, 3)}
    assert_costs_are_those_of_the_built(
        Spec(block=block, variant=variant, shortcut="B", output_stride=2, **widths)
    )


@pytest.mark.parametrize("multiplier", [0.3, 2])
def test_narrow_and_wide_networks_with_option_a(multiplier):
    assert_costs_are_those_of_the_built(cifar(8, width_multiplier=multiplier))


PARAMETERS = {  # trainable
    # He et al. 2015, Table 6: 0.27M, 0.46M, 0.66M, 0.85M, 1.7M and 19.4M, option A.
    "ResNet8": 75_290,
    "ResNet20": 269_722,
    "ResNet32": 464_154,
    "ResNet44": 658_586,
    "ResNet56": 853_018,
    "ResNet110": 1_727_962,
    "ResNet1202": 19_421_274,
    # A plain network has the parameters of option A.
    "PlainNet20": 269_722,
    "PlainNet32": 464_154,
    "PlainNet44": 658_586,
    "PlainNet56": 853_018,
    "PlainNet110": 1_727_962,
    # Option B in the two units that widen: 16 * 32 + 32 * 64 = 2,560 more.
    "ResNet20V2": 272_282,
    "ResNet32V2": 466_714,
    "ResNet44V2": 661_146,
    "ResNet56V2": 855_578,
    "ResNet110V2": 1_730_522,
    # Identity Mappings, Table 4: 1.7M and 10.2M. In v1 the three projections are normalized, the
    # head follows no normalization of its own, and the stem one of 16 channels.
    "ResNet164": 1_704_154,
    "ResNet1001": 10_328_602,
    "ResNet164V2": 1_703_258,
    "ResNet1001V2": 10_327_706,
    # 9 * (3 * 24 + 24 * 128 + 4 * 128**2 + 128 * 256 + 5 * 256**2) in kernels of 3x3 pixels, a
    # projection of 128 * 256, 2 * (24 + 5 * 128 + 7 * 256) scales and shifts, a head of 2,570.
    "ResNet12Wide": 3_902_402,
    # torchvision.
    "ResNet18": 11_689_512,
    "ResNet34": 21_797_672,
    "PlainNet18": 11_515_688,
    "PlainNet34": 21_623_848,
    # timm: resnetv2_18, resnetv2_34.
    "ResNet18V2": 11_687_720,
    "ResNet34V2": 21_795_880,
    # timm: resnet200.
    "ResNet200": 64_673_832,
    "ResNet200V2": 64_666_152,
    # timm: resnet18d to resnet200d.
    "ResNet18D": 11_708_744,
    "ResNet34D": 21_816_904,
    "ResNet50D": 25_576_264,
    "ResNet101D": 44_568_392,
    "ResNet152D": 60_212_040,
    "ResNet200D": 64_693_064,
    # keras.applications, without moving statistics.
    "ResNet50": 25_583_592,
    "ResNet101": 44_601_832,
    "ResNet152": 60_268_520,
    "ResNet50V2": 25_568_360,
    "ResNet101V2": 44_577_896,
    "ResNet152V2": 60_236_904,
}
TOTAL = {  # as keras.io counts, moving statistics included
    "ResNet50": 25_636_712,
    "ResNet101": 44_707_176,
    "ResNet152": 60_419_944,
    "ResNet50V2": 25_613_800,
    "ResNet101V2": 44_675_560,
    "ResNet152V2": 60_380_648,
}
MACS = {  # He et al. 2015, Table 1: 1.8, 3.6, 3.8, 7.6 and 11.3 billion for 18 to 152
    "ResNet18": 1_814_073_344,
    "ResNet34": 3_663_761_408,
    "ResNet50": 3_857_973_248,
    "ResNet101": 7_570_194_432,
    "ResNet152": 11_282_415_616,
    "ResNet200": 15_007_481_856,
    "ResNet18V2": 1_814_073_344,
    "ResNet34V2": 3_663_761_408,
    "ResNet50V2": 3_482_255_360,
    "ResNet101V2": 7_194_476_544,
    "ResNet152V2": 10_906_697_728,
    "ResNet200V2": 15_007_481_856,
    # timm, counted by hooks on its convolutions and heads.
    "ResNet18D": 2_053_713_920,
    "ResNet34D": 3_903_401_984,
    "ResNet50D": 4_328_824_832,
    "ResNet101D": 8_041_046_016,
    "ResNet152D": 11_753_267_200,
    "ResNet200D": 15_247_122_432,
    "PlainNet18": 1_794_805_760,
    "PlainNet34": 3_644_493_824,
    "ResNet8": 12_239_488,
    "ResNet20": 40_551_040,
    "ResNet32": 68_862_592,
    "ResNet44": 97_174_144,
    "ResNet56": 125_485_696,
    "ResNet110": 252_887_680,
    "ResNet1202": 2_829_238_912,
    "ResNet20V2": 40_813_184,
    "ResNet32V2": 69_124_736,
    "ResNet44V2": 97_436_288,
    "ResNet56V2": 125_747_840,
    "ResNet110V2": 253_149_824,
    "ResNet164": 244_500_992,
    "ResNet1001": 1_487_849_984,
    "ResNet164V2": 244_500_992,
    "ResNet1001V2": 1_487_849_984,
    "PlainNet20": 40_551_040,
    "PlainNet32": 68_862_592,
    "PlainNet44": 97_174_144,
    "PlainNet56": 125_485_696,
    "PlainNet110": 252_887_680,
    "ResNet12Wide": 333_064_704,
}


def test_every_named_network_has_its_exact_parameters():
    assert {name: parameters(spec) for name, spec in SPECS.items()} == PARAMETERS


@pytest.mark.parametrize("name", TOTAL)
def test_total_parameters(name):
    assert parameters(SPECS[name], trainable=False) == TOTAL[name]


def test_every_named_network_has_its_exact_multiply_accumulates():
    assert {name: macs(spec) for name, spec in SPECS.items()} == MACS


def test_published_counts_of_variants():
    assert parameters(cifar(20, shortcut="B")) == 272_474
    assert parameters(cifar(110, shortcut="B")) == 1_730_714
    assert parameters(imagenet(34, shortcut="A")) == 21_623_848
    assert parameters(imagenet(34, shortcut="C")) == 22_716_840
    wide = cifar(26, activation_order="full_preact", shortcut="B", width_multiplier=10)
    assert parameters(wide) == 36_479_194  # WRN-28-10, which also counts its projections
    assert parameters(imagenet(50)) == 25_557_032  # torchvision
    assert parameters(imagenet(101)) == 44_549_160
    assert parameters(imagenet(152)) == 60_192_808
    wide = imagenet(50, block="wide_bottleneck", width_multiplier=2)
    assert parameters(wide) == 68_883_240  # torchvision's wide_resnet50_2
    assert macs(replace(imagenet(50), block="bottleneck_v1.5")) == 4_089_184_256
    assert macs(imagenet(50, output_stride=16)) == 6_054_477_824  # as docs/backbone.md has them
    assert macs(imagenet(50, output_stride=8)) == 19_002_294_272
