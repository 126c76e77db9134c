import json
from dataclasses import asdict, replace

import pytest

from keras_resnet import Spec, cifar, imagenet
from keras_resnet.imagenet_utils import MODES
from keras_resnet.layers import PATHS, POOLS, WEIGHINGS
from keras_resnet.spec.blocks import (
    ACTIVATION_ORDERS,
    BLOCKS,
    BN,
    RELU,
    SHORTCUTS,
    STEMS,
    VARIANTS,
    Op,
)
from keras_resnet.utils.errors import InputError


@pytest.mark.parametrize("order", ACTIVATION_ORDERS.values(), ids=list(ACTIVATION_ORDERS))
def test_all_orders_are_the_same_cycle_cut_elsewhere(order):
    assert order.leave + order.after + order.enter == (BN, RELU)


def test_what_a_row_names_exists():
    paths = {path for option in SHORTCUTS.values() for path in (option.same, option.change)}
    assert paths == PATHS.keys()
    assert {option.weigh for option in SHORTCUTS.values()} == WEIGHINGS.keys()
    assert {variant.pool_padding for variant in VARIANTS.values()} == POOLS.keys()
    assert {variant.preprocessing for variant in VARIANTS.values()} < MODES.keys()


def test_operations_of_a_branch():
    plain = Spec((2, 2), (8, 16), activation_order="original", zero_gamma=True)
    assert [conv.then for conv in plain.branch(0, 0)] == [(BN, RELU), (Op("bn", "zeros"),)]
    rates = {"dropout": 0.3, "stochastic_depth": 0.4}
    spec = Spec((2, 2), (8, 16), activation_order="full_preact", **rates)
    then = [spec.branch(stage, index)[-1].then for stage in (0, 1) for index in (0, 1)]
    assert then == [(Op("drop_path", rate),) for rate in (0.1, 0.2, 0.4 * 0.75, 0.4)]
    assert spec.branch(0, 0)[0].then == (BN, RELU, Op("dropout", 0.3))


@pytest.mark.parametrize(("block", "place"), [("bottleneck", 0), ("bottleneck_v1.5", 1)])
def test_where_a_bottleneck_has_its_stride(block, place):
    strides = [conv.stride for conv in Spec(block=block).branch(1, 0)]
    assert strides == [2 if i == place else 1 for i in range(3)]


def test_the_width_multiplier_never_widens_the_stem():
    spec = Spec(width_multiplier=2.5)
    assert [spec.width(stage) for stage in range(3)] == [40, 80, 160]
    assert spec.stem_width == 16
    assert Spec(width_multiplier=0.5).stem_width == 8  # or else option A could not narrow it
    assert Spec(width_multiplier=0.01).width(0) == 1


def test_a_depth_that_does_not_exist_names_the_nearest():
    with pytest.raises(InputError, match=r"has depth 21: depths are 6n\+2, the nearest is 20"):
        cifar(21)
    with pytest.raises(InputError, match="depth 51"):
        imagenet(51)
    with pytest.raises(InputError, match="did you mean 'basic'"):
        cifar(20, block="basics")


def test_any_field_of_a_named_depth_can_be_changed():
    assert imagenet(50, shortcut="A", classes=7).shortcut == "A"
    assert cifar(20, widths=(32, 64, 128)).widths == (32, 64, 128)


def test_stride_of_the_whole_network():
    assert cifar(20).stride == 4
    assert cifar(20, stem="strided").stride == 8
    assert imagenet(50).stride == 32


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_spec_survives_json(stem, block):
    spec = Spec(stem=stem, block=block, blocks=(1, 2), widths=(8, 16))
    again = Spec(**json.loads(json.dumps(asdict(spec))))
    assert again == spec
    assert hash(again) == hash(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": (3, 0, 3)}, "each of blocks must be a whole number from 1 to 1000; got 0"),
        ({"blocks": ()}, r"blocks \(\) and widths .* must have one entry for each of 1 to 12"),
        ({"blocks": 3}, "blocks must be a list of whole numbers; got 3"),
        ({"blocks": (1,) * 13, "widths": (1,) * 13}, "one entry for each of 1 to 12 stages"),
        ({"widths": (16, 32.5, 64)}, "each of widths must be a whole number"),
        ({"widths": (16, 32)}, "one entry for each of 1 to 12 stages"),
        ({"classes": True}, "classes must be a whole number from 1 to 1000000; got True"),
        ({"input_shape": (32, 32)}, "height, width, channels"),
        (
            {"activation_order": "fullpreact"},
            "unknown activation_order 'fullpreact': did you mean 'full_preact'",
        ),
        ({"shortcut": "E"}, "unknown shortcut 'E'"),
        (
            {"shortcut": "D", "output_stride": 2},
            "output_stride 2 leaves strides out, and shortcut D averages what these skip",
        ),
        ({"block": "basics"}, "did you mean 'basic'"),
        ({"width_multiplier": 0}, "width_multiplier must be a number from 0.01"),
        ({"dropout": 1.0}, "dropout must be a number from 0 to 0.95; got 1.0"),
        ({"widths": (64, 32, 16)}, "shortcut A cannot go from 64 to 32 channels"),
        ({"shortcut": ["A"]}, r"unknown shortcut \['A'\]"),
        ({"zero_gamma": "yes"}, "zero_gamma must be true or false; got 'yes'"),
        (
            {"zero_gamma": True, "activation_order": "full_preact"},
            "activation_order 'full_preact' has none",
        ),
        ({"stochastic_depth": 0.1, "shortcut": "none"}, "nothing would remain: use A, B or C"),
    ],
)
def test_impossible_specs_are_refused_in_one_sentence(change, message):
    with pytest.raises(ValueError, match=message):
        replace(Spec(), **change)


def test_images_smaller_than_the_stride_are_refused():
    with pytest.raises(InputError, match="at least 4x4"):
        cifar(20).check_size(3, 32)
    cifar(20).check_size(4, None)
