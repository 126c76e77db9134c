"""Right names and shapes, another network: what a file tells of it is compared."""

import json

import keras
import pytest

from keras_resnet import InputError, PlainNet20, ResNet8, Spec
from keras_resnet.network import ResNet
from keras_resnet.weights.architecture import MEANING, layers
from keras_resnet.weights.loading import read

BOTTLENECK = {"blocks": (1, 1), "widths": (4, 8), "shortcut": "B"}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (ResNet8, lambda **w: PlainNet20(blocks=(1, 1, 1), **w)),
        (ResNet8, lambda **w: ResNet8(activation_order="relu_before_add", **w)),
        (ResNet8, lambda **w: ResNet8(variant="keras_v1", **w)),
        (ResNet8, lambda **w: ResNet8(shortcut="scaled", **w)),
        (
            lambda: ResNet(Spec(block="bottleneck", **BOTTLENECK)),
            lambda **w: ResNet(Spec(block="bottleneck_v1.5", **BOTTLENECK), **w),
        ),
    ],
    ids=["plain", "order", "variant", "scale", "stride"],
)
@pytest.mark.filterwarnings("ignore:You are saving")
def test_another_network_of_the_same_names_is_refused(made, wanted, suffix, tmp_path):
    path = tmp_path / f"x{suffix}"
    made().save(path)
    with pytest.raises(InputError, match=r"does not match .*layer '.*(here|before it)"):
        wanted(weights=path)


@pytest.mark.filterwarnings("ignore:You are saving")
def test_another_network_is_refused_where_layers_are_matched_by_order(tmp_path):
    """In a file whose layers have other names, but for the head."""

    def renamed(layer):
        name = layer.name if layer.name == "predictions" else f"my_{layer.name}"
        return type(layer).from_config(layer.get_config() | {"name": name})

    for model in (ResNet8(), PlainNet20(blocks=(1, 1, 1))):
        keras.models.clone_model(model, clone_function=renamed).save(tmp_path / f"{model.name}.h5")
    ResNet8(weights=tmp_path / "resnet8.h5")
    with pytest.raises(InputError, match=r"does not match .*layer 'conv3_block1_1_conv' takes"):
        ResNet8(weights=tmp_path / "plainnet20.h5")


def test_the_same_network_in_another_model_is_taken(tmp_path):
    """With other names, a head of one's own, and images that are prepared inside."""
    backbone = ResNet8(include_top=False, pooling="avg", input_shape=(32, 32, 3))
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 255), backbone])
    model.save(tmp_path / "x.keras")
    taken = ResNet8(include_top=False, pooling="avg", weights=tmp_path / "x.keras")
    for ours, theirs in zip(taken.get_weights(), backbone.get_weights(), strict=True):
        assert (ours == theirs).all()


def test_two_backbones_in_a_file_are_refused(tmp_path):
    image = keras.Input((32, 32, 3))
    two = [ResNet8(include_top=False, pooling="avg", name=name) for name in ("a", "b")]
    keras.Model(image, keras.layers.Add()([each(image) for each in two])).save(tmp_path / "x.keras")
    with pytest.raises(InputError, match="it has two layers 'conv1_"):
        ResNet8(include_top=False, weights=tmp_path / "x.keras")


def computed(config):
    """What the layers of a config compute, and from what."""
    keys = *MEANING, "strides", "dilation_rate"
    return {
        name: (layer.kind, layer.inputs, json.dumps([layer.meaning.get(key) for key in keys]))
        for name, layer in layers(config).items()
    }


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving")
def test_a_config_is_the_same_from_a_model_and_from_its_file(suffix, tmp_path):
    model, path = ResNet8(), tmp_path / f"x{suffix}"
    model.save(path)
    found = computed(read(path).config)
    assert found == computed({"config": model.get_config()})
    assert found["conv2_block1_add"][1] == ("conv1_relu", "conv2_block1_2_bn")
    assert found["conv1_conv"][1] == ()
