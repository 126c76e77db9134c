"""The networks that ResNet was compared with: counts of the papers, and what is special in them."""

import json
from dataclasses import replace
from math import prod
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnet
from keras_resnet import COMPARISON, InputError, export, families
from keras_resnet.comparison import lenet
from keras_resnet.comparison.layers import local_response_norm
from keras_resnet.spec import NETWORKS
from keras_resnet.spec.comparison import AlexNetSpec, GoogLeNetSpec, LeNetSpec, VGGSpec

PUBLISHED = {  # trainable parameters
    "LeNet5": 60_000,  # LeCun et al. 1998, II.B
    "LeNet5ReLU": 61_706,  # with ten dense outputs and all connections of C3
    "AlexNet": 60_965_224,  # Caffe's bvlc_alexnet
    "AlexNetOWT": 61_100_840,  # torchvision, as are those of VGG and GoogLeNetBN
    "VGG11": 132_863_336,
    "VGG13": 133_047_848,
    "VGG16": 138_357_544,
    "VGG19": 143_667_240,
    "VGG11BN": 132_868_840,
    "VGG13BN": 133_053_736,
    "VGG16BN": 138_365_992,
    "VGG19BN": 143_678_248,
    "VGG11Cifar": 9_231_114,  # kuangliu/pytorch-cifar
    "VGG16Cifar": 14_728_266,
    "GoogLeNet": 6_998_552,  # Caffe's bvlc_googlenet
    "GoogLeNetBN": 6_624_904,
}
TINY = {  # of every family, to be built in no time
    "LeNet5": LeNetSpec(),
    "LeNet5ReLU": LeNetSpec("relu", (32, 33, 3), classes=3),
    "AlexNet": AlexNetSpec(
        (8, 16, 8, 8, 8), hidden=(8, 12), input_shape=(65, 80, 3), classes=5
    ),
    "AlexNetCifar": replace(COMPARISON["AlexNetCifar"], widths=(6, 7), hidden=(9, 8)),
    "VGG11": VGGSpec((1, 1, 2), (4, 6, 8), hidden=(9,), input_shape=(19, 16, 3), classes=5),
    "VGG11BN": VGGSpec((1, 2), (4, 6), True, (), input_shape=(8, 9, 1), classes=5),
    "GoogLeNet": GoogLeNetSpec(width_multiplier=0.25, input_shape=(64, 67, 3), classes=5),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_published(name):
    assert families.parameters(COMPARISON[name]) == PUBLISHED[name]


def test_the_documents_table_is_true():
    text = Path("docs/models.md").read_text()
    for name, spec in COMPARISON.items():
        numbers = f"{families.parameters(spec):,} | {families.macs(spec):,}"
        assert f"| {name} | {numbers} | {'x'.join(map(str, spec.input_shape))} |" in text


def test_small_alexnet_has_the_parameters_of_its_paper():
    crops = replace(COMPARISON["AlexNetCifar"], input_shape=(28, 28, 3))
    assert families.parameters(crops) == 1_387_786  # Zhang et al. 2017, table 1


@pytest.mark.parametrize(
    ("name", "count"),
    [pytest.param("GoogLeNet", 13_378_280, marks=pytest.mark.slow), ("GoogLeNetBN", 13_004_888)],
)
def test_parameters_with_auxiliary_heads_are_those_published(name, count):
    model = getattr(keras_resnet, name)()
    heads = families.auxiliary_heads(COMPARISON[name], model)
    assert [share for share, _ in heads] == [0.3, 0.3]
    trained = keras.Model(model.inputs, [model.output, *(logits for _, logits in heads)])
    assert sum(prod(v.shape) for v in trained.trainable_variables) == count
    assert families.auxiliary_heads(replace(COMPARISON[name], auxiliary=0.0), model) == []


def test_googlenet_takes_images_of_any_size_but_its_auxiliary_heads_do_not():
    spec = TINY["GoogLeNet"]
    anything, fixed = (families.build(spec, input_shape=(side, side, 3)) for side in (None, 72))
    fixed.set_weights(anything.get_weights())
    image = np.random.default_rng(0).normal(size=(1, 72, 72, 3)).astype("float32")
    np.testing.assert_allclose(anything(image), fixed(image), rtol=1e-5)
    with pytest.raises(InputError, match="auxiliary heads flatten maps of one size"):
        families.auxiliary_heads(spec, anything)


EVEN = replace(TINY["AlexNetCifar"], kernels=(4, 2))


@pytest.mark.parametrize(
    "spec", [EVEN, *(TINY[name] for name in ("AlexNet", "AlexNetCifar", "VGG11", "VGG11BN"))]
)
def test_counting_is_as_good_as_building(spec):
    assert families.parameters(spec) == families.count_parameters(spec)
    assert families.macs(spec) == families.count_macs(spec)


@pytest.mark.parametrize("name", COMPARISON)
def test_records_go_over_both_ways_and_names_are_public(name):
    spec = COMPARISON[name]
    assert families.from_json(json.loads(json.dumps(families.to_json(spec)))) == spec
    assert getattr(keras_resnet, name).spec is spec
    spec.check_size(*spec.input_shape[:2])
    with pytest.raises(InputError, match=f"at least {spec.smallest}x{spec.smallest}"):
        spec.check_size(spec.smallest, spec.smallest - 1)


@pytest.mark.parametrize("name", TINY)
def test_the_smallest_image_fits_and_arguments_are_those_of_keras_applications(name):
    spec, builder = TINY[name], getattr(keras_resnet, name)
    settings = {field: getattr(spec, field) for field in vars(spec)} | {"classes": 4}
    side = spec.smallest
    settings["input_shape"] = (side, side, 3)
    model = builder(classifier_activation=None, name="mine", **settings)
    assert (model.name, model.output_shape) == ("mine", (None, 4))
    assert model.layers[-1].name == "predictions"
    settings["input_shape"] = (None, None, 3)
    headless = builder(include_top=False, pooling="avg", **settings)
    assert headless(np.ones((1, side + 3, side, 3)), training=False).shape[0] == 1
    with pytest.raises(InputError, match="unknown argument 'widht'"):
        builder(widht=3)


def thirteen_poolings():
    rows = dict.fromkeys(("widths", "kernels", "groups"), [1] * 13)
    return {"family": "alexnet", **rows, "pooled": [*range(1, 14)], "stride": 2}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: AlexNetSpec(widths=(9,), kernels=(3, 3)), "of the same convolutions"),
        (lambda: AlexNetSpec((96, 255, 384, 384, 256)), "96 to 255 channels has no 2 groups"),
        (lambda: AlexNetSpec(pooled=(1, 2, 6)), r"from 1 to 5, .* got \(1, 2, 6\)"),
        (lambda: AlexNetSpec(normalized=(6,)), "normalized must be of numbers from 1 to 5"),
        (lambda: families.from_json(thirteen_poolings()), "leave nothing of an image of 8192"),
        (lambda: VGGSpec(widths=(8,)), "must have one entry for each"),
        (lambda: VGGSpec(input_shape=(8192, 8192, 3)), "a network has at most"),
        (lambda: VGGSpec(input_shape=(224, 224)), r"must be \(height, width, channels\)"),
        (lambda: VGGSpec(blocks=3), "blocks must be a list of whole numbers; got 3"),
        (lambda: AlexNetSpec(widths=None), "widths must be a list of whole numbers; got None"),
        (lambda: LeNetSpec(input_shape=32), "input_shape must be a list of whole numbers; got 32"),
        (lambda: LeNetSpec(form="tanh"), "unknown form 'tanh'"),
        (lambda: GoogLeNetSpec(width_multiplier=0.0), "width_multiplier must be a number from"),
    ],
)  # fmt: skip
def test_impossible_networks_are_refused(make, reason):
    with pytest.raises(InputError, match=reason):
        make()


def test_local_response_normalization_is_the_papers_formula():
    image = keras.Input((None, None, 7))
    model = keras.Model(image, local_response_norm(image, "lrn"))
    x = np.random.default_rng(0).normal(0, 100, (2, 3, 4, 7)).astype("float32")
    expected = np.empty_like(x)
    for i in range(7):
        total = (x[..., max(0, i - 2) : i + 3].astype("float64") ** 2).sum(-1)
        expected[..., i] = x[..., i] / (2 + 1e-4 * total) ** 0.75
    np.testing.assert_allclose(model(x), expected, rtol=1e-5)


def test_lenets_third_layer_sees_what_table_1_says():
    """Column by column, an X where a map of S2 is seen."""
    rows = ("X...XXX..XXXX.XX", "XX...XXX..XXXX.X", "XXX...XXX..X.XXX",
            ".XXX..XXXX..X.XX", "..XXX..XXXX.XX.X", "...XXX..XXXX.XXX")  # fmt: skip
    model = keras_resnet.LeNet5()
    after = keras.Model(model.get_layer("s2").output, model.get_layer("c3").output)
    base = np.zeros((1, 14, 14, 6), "float32")
    for seen, row in enumerate(rows):
        one = base.copy()
        one[..., seen] = 1
        changed = np.abs(np.array(after(one)) - np.array(after(base))).max((0, 1, 2)) > 1e-6
        assert "".join("X" if value else "." for value in changed) == row


def test_lenets_classes_are_distances_from_fixed_codes():
    model = keras_resnet.LeNet5(classifier_activation=None)
    head = model.layers[-1]
    assert not head.trainable
    codes = np.array(head.kernel).T * 84**0.5 / 2
    assert {*np.unique(codes.round(5))} == {-1, 1}
    assert len(np.unique(codes, axis=0)) == 10
    units = np.random.default_rng(0).normal(size=(5, 84)).astype("float32")
    distances = ((units[:, None] - codes) ** 2).sum(-1)
    expected = ((units**2).sum(-1, keepdims=True) - distances) / 84**0.5
    np.testing.assert_allclose(head(units), expected, atol=1e-4)
    one = np.array(lenet.squash(np.array([1.0, -1.0, 100.0], "float32")))
    np.testing.assert_allclose(one, [1, -1, 1.7159], atol=2e-4)


@pytest.mark.parametrize(
    "name", ["AlexNet", *(pytest.param(n, marks=pytest.mark.slow) for n in ("LeNet5", "GoogLeNet"))]
)
def test_files_give_the_same_and_need_nothing_of_ours(name, tmp_path):
    """The subsampling of LeNet and the normalization of the others, in every format."""
    spec = replace(TINY[name], classes=5)
    keras.utils.set_random_seed(0)
    raw = keras.Input(spec.input_shape, name="image")
    model = families.build(spec, input_tensor=keras.layers.Rescaling(1 / 32, -4)(raw))
    draw = np.random.default_rng(1)
    kernels = [v for v in model.trainable_variables if v.name == "kernel" and len(v.shape) == 4]
    # LeNet begins with small weights; in the others the squares are to count.
    factors = [6] * len(kernels) if name == "LeNet5" else [30, 1 / 20]
    for kernel, factor in zip(kernels, factors, strict=False):
        kernel.assign(kernel * factor)
    images = draw.integers(0, 256, (20, *spec.input_shape)).astype("uint8")
    forms = ["keras", "saved_model", "float32", "int8"]
    export.save(model, tmp_path / "it", forms, calibration=images)
    expected = model.predict_on_batch(images.astype("float32"))
    assert expected.std(0).max() > 1e-3
    for form in forms[:-1]:
        np.testing.assert_allclose(export.load(tmp_path / "it", form)(images), expected, atol=1e-5)
    loaded = keras.saving.load_model(tmp_path / "it/model.keras", safe_mode=True)
    assert {type(op).__module__.split(".")[0] for op in loaded.operations} == {"keras"}
    quantized = export.load(tmp_path / "it", "int8")(images)
    assert np.abs(quantized - expected).mean() < 0.02


def test_auxiliary_heads_have_the_classes_of_the_model():
    spec = NETWORKS["GoogLeNetCifar"]
    heads = families.auxiliary_heads(spec, keras_resnet.GoogLeNetCifar(classes=5))
    assert [logits.shape for _, logits in heads] == [(None, 5)] * len(heads)
    assert heads


def test_lenet_without_its_classifier_takes_the_weights_of_the_whole(tmp_path):
    whole = keras_resnet.LeNet5()
    whole.save_weights(tmp_path / "x.weights.h5")
    body = keras_resnet.LeNet5(include_top=False, weights=tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(body.get_weights()[0], whole.get_weights()[0])
