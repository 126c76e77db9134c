"""The named networks against the papers' and keras.applications' exact numbers."""

import inspect
from functools import cache

import keras
import numpy as np
import pytest

import keras_resnet
from keras_resnet import SPECS, ResNet

TRAINABLE = {  # He et al. 2015, Table 6, gives 0.27M, 0.46M, 0.66M, 0.85M and 1.7M for option A
    "ResNet8": 75_290,
    "ResNet20": 269_722,
    "ResNet32": 464_154,
    "ResNet44": 658_586,
    "ResNet56": 853_018,
    "ResNet110": 1_727_962,
    # Option B in the two units that widen: 16 * 32 + 32 * 64 = 2,560 more.
    "ResNet20V2": 272_282,
    "ResNet32V2": 466_714,
    "ResNet44V2": 661_146,
    "ResNet56V2": 855_578,
    "ResNet110V2": 1_730_522,
    "ResNet50": 25_583_592,
    "ResNet50V2": 25_568_360,
}
TOTAL = {  # as keras.io counts, moving statistics included
    "ResNet50": 25_636_712,
    "ResNet101": 44_707_176,
    "ResNet152": 60_419_944,
    "ResNet50V2": 25_613_800,
    "ResNet101V2": 44_675_560,
    "ResNet152V2": 60_380_648,
}


@cache
def built(name):
    """A named network as it is by default; tests only look at it."""
    return getattr(keras_resnet, name)()


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", TRAINABLE)
def test_trainable_parameters(name):
    assert trainable(built(name)) == TRAINABLE[name]


def test_trainable_parameters_of_the_variants():
    assert trainable(ResNet(keras_resnet.cifar(20, shortcut="B"))) == 272_474
    assert trainable(ResNet(keras_resnet.cifar(110, shortcut="B"))) == 1_730_714
    assert trainable(ResNet(keras_resnet.cifar(20, shortcut="none"))) == 269_722  # plain-20
    bottleneck = {"unit": "bottleneck", "order": "full_preact", "shortcut": "B"}
    assert trainable(ResNet(keras_resnet.cifar(164, **bottleneck))) == 1_703_258


@pytest.mark.parametrize("name", TOTAL)
def test_total_parameters(name):
    assert built(name).count_params() == TOTAL[name]


@pytest.mark.parametrize("name", ["ResNet50", "ResNet50V2"])
def test_every_layer_is_that_of_keras_applications(name):
    """Name, kind and weight shapes, in the same order: weight files load by order and by name."""
    ours, theirs = built(name), getattr(keras.applications, name)(weights=None)
    for mine, other in zip(ours.layers[1:], theirs.layers[1:], strict=True):
        assert type(mine) is type(other)
        assert [w.shape for w in mine.weights] == [w.shape for w in other.weights]
        # Keras leaves the subsampling shortcuts of v2 unnamed, so their names count calls.
        assert mine.name == other.name or other.name.startswith("max_pooling2d")


@pytest.mark.parametrize("name", ["ResNet50", "ResNet50V2"])
def test_weights_go_over_and_give_the_same_outputs(name, tmp_path):
    ours, theirs = (
        getattr(keras_resnet, name)(input_shape=(64, 64, 3), classes=10),
        getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10),
    )
    images = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    for source, target in ((theirs, ours), (ours, theirs)):
        source.save_weights(tmp_path / "x.weights.h5")
        target.set_weights([np.zeros_like(w) for w in target.get_weights()])
        target.load_weights(tmp_path / "x.weights.h5")
        np.testing.assert_allclose(
            target.predict_on_batch(images), source.predict_on_batch(images), atol=1e-5
        )


@pytest.mark.parametrize("name", TOTAL)
def test_the_signature_is_that_of_keras_applications(name):
    ours = inspect.signature(getattr(keras_resnet, name)).parameters
    theirs = inspect.signature(getattr(keras.applications, name)).parameters
    assert list(ours) == list(theirs)
    different = {key for key in ours if ours[key].default != theirs[key].default}
    assert different == {"weights"}
    assert ours["weights"].default is None


def test_every_named_network_is_public_and_has_the_depth_in_its_name():
    public = {name.lower(): name for name in keras_resnet.__all__ if name.startswith("ResNet")}
    assert public.pop("resnet") == "ResNet"
    assert public.keys() == SPECS.keys()
    for name, spec in SPECS.items():
        assert f"resnet{spec.depth}" == name.removesuffix("v2")
        assert getattr(keras_resnet, public[name]).__name__ == public[name]
