"""Weights of VGG, AlexNet and GoogLeNet, of keras.applications and torchvision."""

import inspect
import re
import sys
from itertools import pairwise

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_resnet import VGG16, VGG19, AlexNet, InputError, from_checkpoint, to_checkpoint
from keras_resnet.spec.comparison import COMPARISON
from keras_resnet.spec.preprocessing import MODES
from keras_resnet.weights import comparison, pretrained
from tests.keras_resnet.test_convert import checkpoint, normalizes_alike, recorded
from tests.recordings.record import NETWORKS, array, images


# Of VGG's two, of half a gigabyte each, the one with batch normalization stays in `make test`.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "vgg11" else ())
        for name in NETWORKS["comparison"]
    ],
)
def test_outputs_are_those_of_torchvision(name, tmp_path):
    recording, path = recorded(f"comparison_{name}"), tmp_path / "in.safetensors"
    prefix = "module." if name == "alexnet" else ""
    state = {prefix + key: array for key, array in checkpoint(f"comparison_{name}").items()}
    save_file(state, path)
    x = images(64 if name == "googlenet" else 224)
    model = from_checkpoint(path, classifier_activation=None, input_shape=x.shape[1:])
    expected = recording["outputs"]
    assert expected.std() > 0.1
    np.testing.assert_allclose(model.predict_on_batch(x), expected, atol=2e-5 * expected.std())
    normalizes_alike(model, recording)
    black = np.zeros((1, 2, 2, 3), "uint8")
    mode = "tf" if name == "googlenet" else "torch"
    prepared = keras.applications.imagenet_utils.preprocess_input(black + 0.0, mode=mode)
    np.testing.assert_allclose(model.preprocess_input(black), prepared, rtol=1e-6)


def test_a_checkpoint_without_auxiliary_heads_is_of_the_same_network():
    state = checkpoint("comparison_googlenet")
    found = comparison.recognize({k: v for k, v in state.items() if not k.startswith("aux")})
    assert found.spec == comparison.recognize(state).spec == COMPARISON["GoogLeNetBN"]
    assert found.weights.keys() == comparison.recognize(state).weights.keys()


@pytest.mark.parametrize("title", ["VGG11", "VGG19", "VGG13BN", "VGG16Cifar", "AlexNetOWT"])
def test_the_named_networks_are_recognized_by_names_and_shapes(title):
    """Of zeros that take no memory: only their shapes are looked at."""
    spec = COMPARISON[title]
    rows, channels, place, state = spec.convolutions(), spec.input_shape[2], 0, {}

    def put(name, *shape):
        state[f"{name}.weight"] = np.broadcast_to(np.float32(0), shape)
        state[f"{name}.bias"] = np.broadcast_to(np.float32(0), shape[:1])

    for row in rows:
        put(f"features.{place}", row.filters, channels, row.kernel, row.kernel)
        if spec.batch_norm:
            put(f"features.{place + 1}", row.filters)
            state[f"features.{place + 1}.running_mean"] = np.zeros(row.filters, "float32")
        place, channels = place + 2 + spec.batch_norm + bool(row.pool), row.filters
    units = channels * (36 if title == "AlexNetOWT" else (spec.input_shape[0] // 32) ** 2)
    for place, count in enumerate((*spec.hidden, spec.classes)):
        put(f"classifier.{3 * place}" if spec.hidden else "classifier", count, units)
        units = count
    infer = comparison._infer_alexnet if title == "AlexNetOWT" else comparison._infer_vgg
    assert infer(state)[0] == spec


@pytest.mark.parametrize("hidden", [(), (6, 7)])
def test_the_first_dense_layer_takes_maps_that_torch_flattens_channels_first(hidden, tmp_path):
    """One dense layer is as in kuangliu/pytorch-cifar, where maps are of one pixel: here of 2x2."""
    units = (2 * 2 * 4, *hidden, 5)
    kernels = [array(f"classifier.{i}", shape[::-1]) for i, shape in enumerate(pairwise(units))]
    state = {
        "features.0.weight": array("features.0.weight", (4, 3, 3, 3)),
        "features.0.bias": np.ones(4, "float32"),
    }
    for i, kernel in enumerate(kernels):
        module = f"classifier.{3 * i}" if hidden else "classifier"
        state |= {f"{module}.weight": kernel, f"{module}.bias": np.zeros(len(kernel), "float32")}
    save_file(state, tmp_path / "x.safetensors")
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    maps = from_checkpoint(tmp_path / "x.safetensors", include_top=False).predict_on_batch(x)
    model = from_checkpoint(tmp_path / "x.safetensors", classifier_activation=None)
    expected = maps.transpose(0, 3, 1, 2).reshape(2, -1)
    for i, kernel in enumerate(kernels):
        expected = (np.maximum(expected, 0) if i else expected) @ kernel.T
    np.testing.assert_allclose(model.predict_on_batch(x), expected, rtol=1e-4, atol=1e-5)


def test_what_is_like_a_vgg_and_is_none_is_refused(tmp_path):
    state = checkpoint("comparison_vgg11")
    for change, reason in (
        ({"features.3.squeeze.weight": np.ones((2, 2), "float32")}, "features.3.squeeze.weight"),
        ({"classifier.0.weight": np.ones((512, 130), "float32")}, "takes 130 values"),
    ):
        save_file(state | change, tmp_path / "x.safetensors")
        with pytest.raises(InputError, match=reason):
            from_checkpoint(tmp_path / "x.safetensors")
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="holds a network with family 'VGG', and alexnet has"):
        AlexNet(weights=tmp_path / "x.safetensors", hidden=(8,))
    small = from_checkpoint(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="would be of no network of torchvision or timm"):
        to_checkpoint(small, tmp_path / "back.safetensors")


@pytest.mark.parametrize(
    ("ours", "title", "settings"),
    [
        (VGG16, "VGG16", {"input_shape": (32, 32, 3), "classes": 7}),
        (VGG19, "VGG19", {"include_top": False, "pooling": "avg"}),
    ],
)
def test_files_of_keras_applications_load_and_give_the_same(ours, title, settings, tmp_path):
    theirs = getattr(keras.applications, title)(weights=None, **settings)
    for variable in theirs.weights:
        if variable.name == "bias":
            variable.assign(np.random.default_rng(0).normal(0, 0.1, variable.shape))
    theirs.save_weights(tmp_path / "x.weights.h5")
    model = ours(weights=tmp_path / "x.weights.h5", **settings)
    x = np.random.default_rng(1).normal(0, 50, (2, 32, 32, 3)).astype("float32")
    expected = theirs.predict_on_batch(x)
    assert expected.std() > 1e-3
    np.testing.assert_array_equal(model.predict_on_batch(x), expected)
    assert [v.shape for v in model.weights] == [v.shape for v in theirs.weights]


@pytest.mark.parametrize("title", ["VGG16", "VGG19"])
@pytest.mark.parametrize("include_top", [True, False])
def test_published_files_are_those_of_keras_applications(title, include_top, monkeypatch, tmp_path):
    asked = {}

    def get_file(name, url, **settings):
        asked.update(settings, url=url)
        return tmp_path

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    found = pretrained.locate("imagenet", COMPARISON[title], include_top)
    assert found.preprocessing == MODES["caffe"]
    theirs = sys.modules[f"keras.src.applications.{title.lower()}"]
    assert asked["url"] == (theirs.WEIGHTS_PATH if include_top else theirs.WEIGHTS_PATH_NO_TOP)
    _, after = inspect.getsource(theirs).split("WEIGHTS_PATH," if include_top else "NO_TOP,", 1)
    assert asked["file_hash"] == re.search('file_hash="(.*?)"', after)[1]


def test_other_networks_have_no_published_weights():
    with pytest.raises(InputError, match="no 'imagenet' weights are published for this network"):
        AlexNet(weights="imagenet")
