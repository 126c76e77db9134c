from dataclasses import fields, replace

import pytest

from keras_resnet import InputError, Spec, cifar
from train.search.space import FIXED, SEARCHED, Dimension, describe, parse, searchable
from train.settings.recipe import Recipe
from train.settings.recipes import FAST, LONG

pytestmark = pytest.mark.unit


BASE = cifar(8)


def test_what_is_searched_by_default():
    space = parse(BASE, FAST, SEARCHED)
    assert [row.name for row in space.searched] == [
        "blocks_1", "blocks_2", "blocks_3", "block", "activation_order", "shortcut",
        "width_multiplier", "learning_rate", "weight_decay", "label_smoothing",
    ]  # fmt: skip


def test_every_field_but_the_fixed_ones_can_be_searched():
    names = {field.name for cls in (Spec, Recipe) for field in fields(cls)}
    assert {field.name for field in searchable()} == names - {*FIXED}
    texts = {"zero_gamma": "true,false", "momentum": "0.8:0.95", "batch_size": "64,128"}
    rows = parse(BASE, FAST, texts).dimensions
    assert [row.values for row in rows] == [(True, False), (64, 128), ()]


def test_a_point_is_a_network_and_a_recipe():
    texts = {
        "blocks": "1:3",
        "widths": "8,16/32/48,64",
        "shortcut": "A,B",
        "learning_rate": "0.05:0.5",
    }
    space = parse(BASE, FAST, texts)
    spec, recipe = space.point(
        {
            "blocks_1": 2, "blocks_2": 1, "blocks_3": 3, "widths_1": 8, "widths_3": 48,
            "shortcut": "B", "learning_rate": 0.123456, "tuner/epochs": 3,
        }
    )  # fmt: skip
    assert spec == replace(BASE, blocks=(2, 1, 3), widths=(8, 32, 48), shortcut="B")
    assert recipe == replace(FAST, learning_rate=0.123)


def test_one_value_is_a_pin_and_what_is_not_said_stays():
    space = parse(BASE, FAST, {"blocks": "1/2/3", "width_multiplier": "0.5:2", "momentum": "0.8"})
    assert [row.name for row in space.searched] == ["width_multiplier"]
    spec, recipe = space.point({"width_multiplier": 1.5})
    assert spec == replace(BASE, blocks=(1, 2, 3), width_multiplier=1.5)
    assert recipe == replace(FAST, momentum=0.8)


def test_a_pin_has_to_go_together_with_what_is_searched_only():
    space = parse(BASE, FAST, {"widths": "32/48/32", "shortcut": "B,C"})  # the base has option A
    spec, _ = space.point({"shortcut": "C"})
    assert (spec.widths, spec.shortcut) == ((32, 48, 32), "C")


def test_a_pin_has_to_go_together_with_what_is_fixed():
    """Labels are smooth in the base, which no teacher stands."""
    texts = {"label_smoothing": "0", "learning_rate": "0.1:0.5"}
    space = parse(BASE, LONG, texts, teacher="one", augmentation_pool=12)
    changes = {"teacher": "one", "augmentation_pool": 12, "label_smoothing": 0}
    assert space.recipe == replace(LONG, **changes)


def test_ranges_of_a_decade_are_logarithmic():
    assert Dimension("x", "x", None, (), 1e-4, 1e-3).logarithmic
    assert not Dimension("x", "x", None, (), 0.5, 2).logarithmic
    assert not Dimension("x", "x", None, (), 0, 2).logarithmic


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"blocks": "3:1"}, "blocks '3:1' is not a range: write the smaller number first"),
        ({"blocks": "1:2/1:2"}, "is for 2 stages, and the network has 3"),
        ({"blocks": "0:2"}, "blocks must be a whole number from 1 to 1000; got 0"),
        (
            {"blocks": "1.5:2"},
            "blocks must be a whole number from 1 to 1000; got '1.5'. Write low:high",
        ),
        ({"shortcut": "A,E"}, "unknown shortcut 'E'"),
        ({"momentum": "0.5:2"}, "momentum must be a number from 0 to 0.999; got 2.0"),
        ({"zero_gamma": "yes"}, "zero_gamma must be true or false; got 'yes'. Write low:high"),
        ({"blocks": "1,2,"}, "blocks is empty"),
        ({"learning_rate": "0.1:nan"}, "learning_rate must be a number of at least 0; got nan"),
        ({"min_area": "0.1:0.5"}, "min_area is for the crop area, and this is pad: leave it out"),
        ({"crop": "pad,area", "max_scale": "2"}, "and this is pad or area: leave it out, or give"),
        ({"activation_order": "original"}, "nothing is left to search"),
        ({}, "nothing is left to search"),
    ],
)
def test_what_cannot_be_searched_is_said(texts, sentence):
    with pytest.raises(InputError, match=sentence):
        parse(BASE, FAST, texts)


def test_parts_that_do_not_go_together_are_no_point():
    space = parse(BASE, FAST, {"widths": "16/32/8,64"})
    with pytest.raises(InputError, match="shortcut A cannot go from 32 to 8 channels"):
        space.point({"widths_3": 8})


def test_a_network_in_words():
    assert describe(cifar(8, width_multiplier=0.5)) == (
        "basic blocks 1-1-1 of 8-16-32 channels, original, A"
    )


def test_choices_are_used_as_they_are_and_ranges_stay_in_their_ends():
    space = parse(BASE, FAST, {"zero_gamma": "true,false", "ema_decay": "0.9996,0.99973"})
    values = {"zero_gamma": 1, "ema_decay": 0.99973}  # as KerasTuner says it
    spec, recipe = space.point(values)
    assert spec.zero_gamma is True
    assert recipe.ema_decay == 0.99973
    _, recipe = parse(BASE, FAST, {"ema_decay": "0.99:0.9999"}).point({"ema_decay": 0.99988})
    assert recipe.ema_decay == 0.9999
