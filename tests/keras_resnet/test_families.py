"""Families of networks: records of networks, and what a new family gets without more code."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_resnet import SPECS, InputError, LeNet5ReLU, ResNet, Spec, families, macs, parameters
from keras_resnet.families import FAMILIES
from tests.toy_family import Toy, register

RESNET20 = {"family": "resnet", "block": "basic", "blocks": [3, 3, 3]}


@pytest.mark.parametrize("name", SPECS)
def test_every_named_network_survives_a_record(name):
    record = json.loads(json.dumps(families.to_json(SPECS[name])))
    assert record["family"] == "resnet"
    again = families.from_json(record)
    assert again == SPECS[name]
    assert hash(again) == hash(SPECS[name])
    assert families.to_json(again) == families.to_json(SPECS[name])


def test_a_record_has_the_family_first_and_all_fields():
    spec = replace(SPECS["ResNet20"], dropout=0.25, zero_gamma=True)
    assert families.to_json(spec) == {
        "family": "resnet", "blocks": (3, 3, 3), "widths": (16, 32, 64), "block": "basic",
        "activation_order": "original", "shortcut": "A", "stem": "cifar", "variant": "paper",
        "width_multiplier": 1.0, "zero_gamma": True, "dropout": 0.25, "stochastic_depth": 0.0,
        "output_stride": 0, "input_shape": (32, 32, 3), "classes": 10,
    }  # fmt: skip
    assert next(iter(families.to_json(spec))) == "family"


def test_what_is_read_is_not_changed():
    record = dict(RESNET20)
    assert families.from_json(record) == SPECS["ResNet20"]
    assert record == RESNET20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": 20}, "depth is unknown."),
        ({"order": "original"}, "order is unknown."),
        ({"family": "resnt"}, "unknown family of networks 'resnt': did you mean 'resnet'?"),
        (
            {"family": None},
            "unknown family of networks None. Choose one of resnet, lenet, ",
        ),
        ({"family": ["resnet"]}, "unknown family of networks ['resnet']"),
        ({"classes": None}, "classes should be a valid integer; got None."),
        ({"shortcut": None}, "shortcut should be a valid string; got None."),
        ({"blocks": None}, "blocks should be a valid array; got None."),
        ({"classes": "10"}, "classes should be a valid integer; got '10'."),
        ({"classes": True}, "classes should be a valid integer; got True."),
        ({"blocks": 3}, "blocks should be a valid array; got 3."),
        ({"blocks": [3, "3", 3]}, "blocks.1 should be a valid integer; got '3'."),
        ({"zero_gamma": 1}, "zero_gamma should be a valid boolean; got 1."),
        ({"width_multiplier": "1"}, "width_multiplier should be a valid number; got '1'."),
        ({"input_shape": [32, 32]}, "input_shape.2 is missing."),
        ({"input_shape": [32, 32, 3, 1]}, "input_shape should have at most 3 items"),
        # What `Spec` itself refuses.
        ({"shortcut": "E"}, "unknown shortcut 'E'. Choose one of A, B, C, D, none, scaled"),
        ({"classes": 0}, "classes must be a whole number from 1 to 1000000; got 0."),
        ({"widths": [16, 32]}, "must have one entry for each of 1 to 12 stages"),
    ],
)
def test_what_is_no_network_is_refused_by_the_name_of_the_field(change, message):
    with pytest.raises(InputError) as caught:
        families.from_json(RESNET20 | change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_record_without_a_family_is_refused():
    with pytest.raises(InputError, match="unknown family of networks None"):
        families.from_json({"blocks": [3, 3, 3]})


@pytest.mark.parametrize("config", ["resnet20", None, Spec])
def test_what_is_no_config_is_a_type_error(config):
    with pytest.raises(TypeError, match="is no network config of the families resnet"):
        families.to_json(config)


NAMED = ["ResNet8", "ResNet20", "ResNet20V2", "PlainNet20", "ResNet18", "ResNet18V2", "ResNet50",
         "ResNet50V2"]  # fmt: skip


QUICK = {"ResNet8", "ResNet20V2", "PlainNet20", "ResNet18"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NAMED]
)
def test_counting_the_built_model_gives_what_the_formulas_do(name):
    spec = SPECS[name]
    assert families.count_parameters(spec) == families.parameters(spec) == parameters(spec)
    assert families.count_macs(spec) == families.macs(spec) == macs(spec)


def test_counting_knows_where_the_channels_are():
    keras.config.set_image_data_format("channels_first")
    try:
        model = LeNet5ReLU()
    finally:
        keras.config.set_image_data_format("channels_last")
    assert model.input_shape == (None, 1, 32, 32)
    assert families.model_macs(model) == 416_520


def test_models_in_a_model_and_all_kernels_of_a_layer_are_counted():
    settings = {"input_shape": (32, 32, 3), "include_top": False}
    backbone = ResNet(SPECS["ResNet8"], pooling="avg", **settings)
    layers = [keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255), backbone]
    assert families.model_macs(keras.Sequential([*layers, keras.layers.Dense(10)])) == macs(
        SPECS["ResNet8"]
    )
    separable = keras.layers.SeparableConv2D(4, 3, strides=2, padding="same")
    model = keras.Sequential([keras.Input((8, 6, 3)), separable])
    assert families.model_macs(model) == 4 * 3 * (9 * 3 + 3 * 4)


def test_what_has_no_size_cannot_be_counted():
    model = keras.Sequential([keras.Input((8, 8, 3)), ResNet(SPECS["ResNet8"], include_top=False)])
    with pytest.raises(InputError, match=r"'conv1_conv' makes maps of any size, .* input_shape"):
        families.model_macs(model)


def test_the_first_family_builds_as_resnet_does():
    model = families.build(SPECS["ResNet8"], input_shape=(16, 16, 3), classifier_activation=None)
    other = ResNet(SPECS["ResNet8"], input_shape=(16, 16, 3), classifier_activation=None)
    assert [layer.name for layer in model.layers[1:]] == [layer.name for layer in other.layers[1:]]
    assert model.input_shape == (None, 16, 16, 3)
    assert model.get_layer("predictions").activation is keras.activations.linear


@pytest.fixture
def toy(monkeypatch):
    """The key of a family that is there for one test."""
    register(monkeypatch)
    return "toy"


def test_a_new_family_is_a_row_of_the_table(toy):
    config = Toy(filters=7)
    assert families.family_of(config) == toy
    model = families.build(config)
    assert model.input_shape == (None, 8, 8, 3)
    assert model.output_shape == (None, 10)
    raw = keras.Input((8, 8, 3), name="raw")
    model = families.build(config, input_tensor=raw, classifier_activation=None)
    assert model.inputs[0] is raw
    assert model.get_layer("predictions").activation is keras.activations.linear


def test_a_new_family_counts_by_the_built_model(toy):
    config = Toy(filters=7, input_shape=(8, 6, 3))
    # A kernel and a head, with biases; 6x4 pixels, as nothing is padded.
    assert families.parameters(config) == 9 * 3 * 7 + 7 + 7 * 10 + 10
    assert families.macs(config) == 6 * 4 * (9 * 3 * 7) + 7 * 10


def test_records_of_a_new_family(toy):
    record = families.to_json(Toy(filters=7))
    assert record == {"family": toy, "filters": 7, "input_shape": (8, 8, 3), "classes": 10}
    assert families.from_json(json.loads(json.dumps(record))) == Toy(filters=7)
    with pytest.raises(InputError, match=r"^blocks is unknown\.$"):
        families.from_json(record | {"blocks": [3]})
    with pytest.raises(InputError, match="filters must be a whole number of at least 1; got 0"):
        families.from_json(record | {"filters": 0})
    with pytest.raises(InputError, match=r"Choose one of resnet, .*, toy\."):
        families.from_json(record | {"family": "toys!"})


def test_a_family_may_count_by_formula(toy, monkeypatch):
    two = "tests.toy_family:two"
    rows = FAMILIES[toy]._replace(parameters=two, macs=two)
    monkeypatch.setitem(FAMILIES, toy, rows)
    assert (families.parameters(Toy()), families.macs(Toy())) == (2, 2)


def test_counting_draws_no_seeds():
    """Otherwise a network that is built next would begin with other weights, but only once."""
    spec = replace(LeNet5ReLU.spec, classes=7)
    first = []
    for counted in (False, True):
        keras.utils.set_random_seed(0)
        if counted:
            families.parameters(spec)
        first.append(families.build(spec).get_weights()[0])
    np.testing.assert_array_equal(*first)
