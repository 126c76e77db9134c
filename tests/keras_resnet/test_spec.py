import json
from dataclasses import asdict, replace

import pytest

from keras_resnet import Spec, cifar, imagenet
from keras_resnet.errors import InputError
from keras_resnet.imagenet_utils import MODES
from keras_resnet.layers import PATHS, POOLS
from keras_resnet.parts import CONVENTIONS, ORDERS, SHORTCUTS, STEMS, UNITS


@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
def test_all_orders_are_the_same_cycle_cut_elsewhere(order):
    assert f"{order.leave} {order.after} {order.enter}".split() == ["bn", "relu"]


def test_what_a_row_names_exists():
    assert {path for option in SHORTCUTS.values() for path in option} == PATHS.keys()
    assert {rules.pool_padding for rules in CONVENTIONS.values()} == POOLS.keys()
    assert {rules.preprocessing for rules in CONVENTIONS.values()} < MODES.keys()


def test_operations_of_a_branch():
    plain = Spec((2, 2), (8, 16), order="original", zero_gamma=True)
    assert [conv.then for conv in plain.branch(0, 0)] == ["bn relu", "bn:zeros"]
    rates = {"dropout": 0.3, "stochastic_depth": 0.4}
    spec = Spec((2, 2), (8, 16), order="full_preact", **rates)
    then = [spec.branch(stage, index)[-1].then for stage in (0, 1) for index in (0, 1)]
    assert then == [" drop:0.1", " drop:0.2", f" drop:{0.4 * 0.75}", " drop:0.4"]
    assert spec.branch(0, 0)[0].then == "bn relu dropout:0.3"


@pytest.mark.parametrize(("unit", "place"), [("bottleneck", 0), ("bottleneck_v1.5", 1)])
def test_where_a_bottleneck_has_its_stride(unit, place):
    strides = [conv.stride for conv in Spec(unit=unit).branch(1, 0)]
    assert strides == [2 if i == place else 1 for i in range(3)]


def test_the_width_multiplier_never_widens_the_stem():
    spec = Spec(width_multiplier=2.5)
    assert [spec.width(stage) for stage in range(3)] == [40, 80, 160]
    assert spec.stem_width == 16
    assert Spec(width_multiplier=0.5).stem_width == 8  # or else option A could not narrow it
    assert Spec(width_multiplier=0.01).width(0) == 1


@pytest.mark.parametrize("depth", [8, 20, 32, 44, 56, 110, 1202])
def test_depth_of_basic_cifar_networks(depth):
    assert cifar(depth).depth == depth


@pytest.mark.parametrize("depth", [164, 1001])
def test_depth_of_bottleneck_cifar_networks(depth):
    assert cifar(depth, unit="bottleneck").depth == depth


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152, 200])
def test_depth_of_imagenet_networks(depth):
    assert imagenet(depth).depth == depth


def test_a_depth_that_does_not_exist_names_the_nearest():
    with pytest.raises(InputError, match=r"has depth 21: depths are 6n\+2, the nearest is 20"):
        cifar(21)
    with pytest.raises(InputError, match="depth 51"):
        imagenet(51)
    with pytest.raises(InputError, match="did you mean 'basic'"):
        cifar(20, unit="basics")


def test_any_field_of_a_named_depth_can_be_changed():
    assert imagenet(50, shortcut="A", classes=7).shortcut == "A"
    assert cifar(20, widths=(32, 64, 128)).widths == (32, 64, 128)


def test_stride_of_the_whole_network():
    assert cifar(20).stride == 4
    assert imagenet(50).stride == 32


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("unit", UNITS)
def test_a_spec_survives_json(stem, unit):
    spec = Spec(stem=stem, unit=unit, units=(1, 2), widths=(8, 16))
    again = Spec(**json.loads(json.dumps(asdict(spec))))
    assert again == spec
    assert hash(again) == hash(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": (3, 0, 3)}, "each of units must be a whole number of at least 1; got 0"),
        ({"units": ()}, "units must be"),
        ({"units": 3}, "units must be"),
        ({"widths": (16, 32.5, 64)}, "each of widths must be a whole number"),
        ({"widths": (16, 32)}, "one entry for each stage"),
        ({"classes": True}, "classes must be a whole number of at least 1; got True"),
        ({"input_shape": (32, 32)}, "height, width, channels"),
        ({"order": "fullpreact"}, "unknown order 'fullpreact': did you mean 'full_preact'"),
        ({"shortcut": "D"}, "unknown shortcut 'D'"),
        ({"unit": "basics"}, "did you mean 'basic'"),
        ({"width_multiplier": 0}, "width_multiplier must be a number from 0.01"),
        ({"dropout": 1.0}, "dropout must be a number from 0 to 0.95; got 1.0"),
        ({"widths": (64, 32, 16)}, "shortcut A cannot go from 64 to 32 channels"),
        ({"shortcut": ["A"]}, r"unknown shortcut \['A'\]"),
        ({"zero_gamma": "yes"}, "zero_gamma must be true or false; got 'yes'"),
        ({"zero_gamma": True, "order": "full_preact"}, "order 'full_preact' has none"),
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
