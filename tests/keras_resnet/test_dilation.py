"""Dilation in place of strides: the same network at more places, with the same weights."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from ai_edge_litert.compiled_model import CompiledModel

from keras_resnet import InputError, ResNet, Spec, cifar, export, from_checkpoint, imagenet
from keras_resnet.export import ModelCard
from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.export.fold import fold
from keras_resnet.weights import layouts
from tests.networks import vary

IMAGES = np.random.default_rng(0).normal(size=(2, 37, 34, 3)).astype("float32")
V2 = {"activation_order": "full_preact", "shortcut": "B"}
SPECS = {  # of strides 1, 2, 4 and 8
    name: Spec(**{"blocks": (1, 1, 1, 2), "widths": (4, 8, 8, 12), **changes})
    for name, changes in {
        "v1": {},
        "v2": V2,
        "plain": {"shortcut": "none"},
        "projections": {"shortcut": "C", "activation_order": "bn_after_add"},
        "stride first": {"block": "bottleneck"},
        "stride on 3x3": {"block": "bottleneck_v1.5", "shortcut": "B"},
        "Keras's v1": {"block": "bottleneck", "shortcut": "B", "variant": "keras_v1"},
        "Keras's v2": {"block": "bottleneck_v1.5", "variant": "keras_v2", **V2},
        "timm's v2": {"block": "bottleneck_v1.5", "variant": "timm_v2", "stem": "imagenet", **V2},
    }.items()
}


QUICK = {"v1", "v2", "stride on 3x3", "timm's v2"}
SOME = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SPECS]
)


def features(spec):
    """A network without the top, whose normalization does something."""
    return vary(ResNet(spec, include_top=False, input_shape=(37, 34, 3)))


@SOME
def test_every_fourth_feature_is_that_of_the_network_without_dilation(name):
    plain = features(SPECS[name])
    spec = replace(SPECS[name], output_stride=SPECS[name].stride // 4)
    dilated = ResNet(spec, include_top=False)
    dilated.set_weights(plain.get_weights())
    expected, found = (np.array(model(IMAGES, training=False)) for model in (plain, dilated))
    assert found.shape[1:3] == tuple(-(-side // spec.stride) for side in (37, 34))
    assert expected.std() > 0
    np.testing.assert_allclose(found[:, ::4, ::4], expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "name", ["v1", pytest.param("stride first", marks=pytest.mark.slow), "Keras's v2"]
)
def test_weights_load_whether_the_network_of_the_file_is_dilated_or_not(name, tmp_path):
    """Also where the file tells the layers of its network, which are compared."""
    path, spec = tmp_path / "x.keras", SPECS[name]
    dilated = replace(spec, output_stride=spec.stride // 4)
    for made, wanted in ((spec, dilated), (dilated, spec), (dilated, dilated)):
        model = features(made)
        model.save(path)
        found = ResNet(wanted, include_top=False, weights=path)
        for one, other in zip(found.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_stride_elsewhere_is_still_another_network(tmp_path):
    features(SPECS["stride first"]).save(tmp_path / "x.keras")
    other = replace(SPECS["stride first"], block="bottleneck_v1.5", output_stride=2)
    with pytest.raises(InputError, match="layer 'conv3_block1_2_conv' has spacing"):
        ResNet(other, include_top=False, weights=tmp_path / "x.keras")


def test_the_first_block_of_a_dilated_stage_has_the_dilation_before():
    """As in torchvision's `_make_layer` and timm's `make_blocks`."""

    def dilations(spec, stage):
        blocks = (spec.branch(stage, index) for index in range(spec.blocks[stage]))
        return [conv.dilation for branch in blocks for conv in branch if conv.kernel == 3]

    torchvision = imagenet(50, block="bottleneck_v1.5", output_stride=8)
    assert [dilations(torchvision, stage) for stage in (1, 2, 3)] == [
        [1, 1, 1, 1], [1, 2, 2, 2, 2, 2], [2, 4, 4]
    ]  # fmt: skip
    assert dilations(imagenet(18, output_stride=8), 3) == [2, 4, 4, 4]
    assert dilations(imagenet(50, output_stride=8), 3) == [4, 4, 4]  # the stride is before the 3x3


@SOME
def test_folding_keeps_dilated_networks(name):
    model = features(replace(SPECS[name], output_stride=SPECS[name].stride // 4))
    folded = fold(model)
    expected = np.array(model(IMAGES, training=False))
    np.testing.assert_allclose(
        folded(IMAGES, training=False), expected, atol=1e-5 * np.abs(expected).max()
    )
    kinds = {type(layer) for layer in folded.layers}
    assert not kinds & {keras.layers.BatchNormalization, keras.layers.MaxPooling2D} or (
        SPECS[name].stem == "imagenet"
    )


@pytest.mark.parametrize("order", ["original", pytest.param("full_preact", marks=pytest.mark.slow)])
def test_a_dilated_network_on_a_phone_computes_the_same(order, tmp_path):
    spec = cifar(8, activation_order=order, output_stride=2)
    image = keras.Input((32, 32, 3), name="image")
    normal = keras.layers.Normalization(mean=(90, 90, 90), variance=(4000, 4000, 4000))
    model = vary(ResNet(spec, input_tensor=normal(image)))
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), "uint8")
    expected = model.predict_on_batch(images.astype("float32"))
    assert expected.std(0).max() > 1e-3
    export.save(model, tmp_path, ["float32"], ModelCard(labels=tuple("abcdefghij")))
    found = export.load(tmp_path, "float32")(images)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    path = str(tmp_path / FORMAT_FILES["float32"])
    assert CompiledModel.from_file(path).is_fully_accelerated()


def test_the_natural_stride_changes_nothing():
    spec = SPECS["v1"]
    natural = replace(spec, output_stride=8)
    one, two = (ResNet(each, name="x").get_config()["layers"] for each in (spec, natural))
    assert [row["name"] for row in one][1:] == [row["name"] for row in two][1:]
    for ours, theirs in zip(one[1:], two[1:], strict=True):
        assert ours["config"] == theirs["config"]


def test_a_config_of_timm_says_the_output_stride(tmp_path):
    from safetensors.numpy import save_file

    spec = imagenet(18, width_multiplier=0.125)
    model = vary(ResNet(replace(spec, output_stride=16), input_shape=(64, 64, 3)))
    weights = {
        la.name: {v.name: np.array(v) for v in la.weights} for la in model.layers if la.weights
    }
    save_file(layouts.to_state(weights, layouts.TORCHVISION), tmp_path / "model.safetensors")
    config = '{"architecture": "resnet18", "model_args": {"output_stride": 16}}'
    (tmp_path / "config.json").write_text(config)
    found = from_checkpoint(tmp_path / "model.safetensors", input_shape=(64, 64, 3))
    images = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    np.testing.assert_allclose(
        found(images, training=False), model(images, training=False), atol=1e-6
    )
    assert found.get_layer("conv5_block2_2_conv").dilation_rate == (2, 2)


@pytest.mark.parametrize("stride", [1, 3, 16, -2])
def test_a_stride_that_dilation_cannot_reach_is_refused(stride):
    with pytest.raises(InputError, match=r"output_stride must be (2, 4, 8, or 0 for|a whole)"):
        replace(SPECS["v1"], output_stride=stride)
