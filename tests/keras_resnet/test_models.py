"""The named networks against those of keras.applications."""

import inspect
import re
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest

import keras_resnet
from keras_resnet import NETWORKS, SPECS, imagenet_utils

IMAGENET = ["ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2"]


def settings(layer):
    keys = ("strides", "padding", "use_bias", "epsilon", "momentum", "pool_size", "activation")
    return {key: layer.get_config().get(key) for key in keys}


@cache
def built(name):
    """A named network as it is by default; tests only look at it."""
    return getattr(keras_resnet, name)()


@pytest.mark.parametrize(
    "name",
    [name if "50" in name else pytest.param(name, marks=pytest.mark.slow) for name in IMAGENET],
)
def test_every_layer_is_that_of_keras_applications(name):
    """Name, kind and weight shapes, in the same order: weight files load by order and by name."""
    ours, theirs = built(name), getattr(keras.applications, name)(weights=None)
    for mine, other in zip(ours.layers[1:], theirs.layers[1:], strict=True):
        assert type(mine) is type(other)
        assert [w.shape for w in mine.weights] == [w.shape for w in other.weights]
        assert settings(mine) == settings(other)
        # Keras leaves the subsampling shortcuts of v2 unnamed, so their names count calls.
        assert mine.name == other.name or other.name.startswith("max_pooling2d")


@pytest.mark.parametrize("name", IMAGENET)
def test_the_signature_is_that_of_keras_applications(name):
    ours = inspect.signature(getattr(keras_resnet, name)).parameters
    theirs = inspect.signature(getattr(keras.applications, name)).parameters
    assert list(ours) == [*theirs, "changes"]
    different = {key for key in theirs if ours[key].default != theirs[key].default}
    assert different == {"weights"}
    assert ours["weights"].default is None


def test_every_named_network_is_public_and_has_the_depth_in_its_name():
    public = {name for name in keras_resnet.__all__ if re.fullmatch(r"(Res|Plain)Net\d.*", name)}
    assert public == SPECS.keys()
    for name, spec in SPECS.items():
        assert int(re.search(r"\d+", name)[0]) == spec.depth
        assert (spec.activation_order == "full_preact") == name.endswith("V2")
        assert (spec.shortcut == "none") == name.startswith("Plain")
        assert getattr(keras_resnet, name).__name__ == name
        assert getattr(keras_resnet, name).spec is spec


def test_any_field_of_the_spec_is_an_argument():
    model = keras_resnet.ResNet8(
        shortcut="C", activation_order="full_preact", width_multiplier=0.5, classes=3
    )
    assert model.get_layer("conv2_block1_0_conv").filters == 8
    assert model.get_layer("post_bn")
    assert model.output_shape == (None, 3)
    with pytest.raises(ValueError, match="unknown argument 'shortcuts': did you mean 'shortcut'"):
        keras_resnet.ResNet8(shortcuts="C")


MODULES = ["resnet", "resnet50", "resnet_v2", "imagenet_utils"]


@pytest.mark.parametrize("module", MODULES)
def test_modules_have_what_those_of_keras_applications_have(module):
    ours = getattr(keras_resnet, module)
    theirs = getattr(keras.applications, module)
    assert not [n for n in dir(theirs) if n[0] != "_" and not hasattr(ours, n)]


CAFFE = {"AlexNet", "GoogLeNet", "ResNet50", "ResNet101", "ResNet152", "VGG11", "VGG13", "VGG16",
         "VGG19"}  # fmt: skip
TF = {"GoogLeNetBN", "LeNet5", "LeNet5ReLU", *(name for name in SPECS if name.endswith("V2"))}


@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_knows_its_preprocessing_and_classes(name):
    build = getattr(keras_resnet, name)
    mode = "caffe" if name in CAFFE else "tf" if name in TF else "torch"
    fourth = {1000: "tiger_shark", 10: "3"}[build.spec.classes]
    if build.spec.input_shape == (32, 32, 3):
        mode, fourth = "cifar10", "cat"
    pixels = np.arange(12.0).reshape(1, 2, 2, 3)
    expected = imagenet_utils.preprocess_input(pixels, mode=mode)
    np.testing.assert_array_equal(build.preprocess_input(pixels), expected)
    assert build.decode_predictions(np.eye(build.spec.classes)[3:4], top=1)[0][0][1] == fourth
    assert replace(build.spec, classes=7).preprocessing == mode
    if name in IMAGENET:
        module = "resnet_v2" if name.endswith("V2") else "resnet"
        theirs = getattr(keras.applications, module).preprocess_input(pixels.copy())
        np.testing.assert_array_equal(theirs, expected)
