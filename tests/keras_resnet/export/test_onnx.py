"""ONNX files, read by ONNX Runtime; and heads that are no softmax, in every format."""

import json

import keras
import numpy as np
import onnx
import pytest

from keras_resnet import InputError, ResNet, ResNet20, cifar, export, imagenet_utils
from keras_resnet.export.onnx import read_metadata
from keras_resnet.utils.framing import Framing
from tests.keras_resnet.export.test_formats import damaged
from tests.networks import vary

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3)).astype("uint8")


def network(activation="softmax", shape=(32, 32, 3), **changes):
    """A small network with its normalization, and statistics that are not trivial."""
    keras.utils.set_random_seed(0)
    image = keras.Input(shape, name="image")
    scaled = keras.layers.Normalization(mean=[120.0] * 3, variance=[3600.0] * 3)(image)
    maps = ResNet(cifar(8, **changes), input_tensor=scaled, include_top=False, pooling="avg")
    head = keras.layers.Dense(10, activation)
    return vary(keras.Model(image, head(maps.output), name="small"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("onnx"), network()
    card = export.ModelCard(
        name="digits", license="MIT", labels=tuple("abcdefghij"), framing=Framing(resize="pad")
    )
    export.save(model, folder, ["onnx"], card)
    return model, folder


def test_the_same_probabilities_and_a_plain_graph(exported):
    model, folder = exported
    expected = model.predict_on_batch(IMAGES.astype("float32"))
    assert expected.std(0).max() > 1e-3
    np.testing.assert_allclose(export.load(folder, "onnx")(IMAGES), expected, atol=1e-5)
    proto = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    (image,), (output,) = proto.graph.input, proto.graph.output
    shape = [side.dim_param or side.dim_value for side in image.type.tensor_type.shape.dim]
    assert (image.name, shape, output.name) == ("image", ["batch", 32, 32, 3], "output_0")
    assert "BatchNormalization" not in {node.op_type for node in proto.graph.node}


def test_metadata(exported):
    found = read_metadata(exported[1] / "model.onnx")
    assert (found["name"], found["license"], found["outputs"]) == ("digits", "MIT", "softmax")
    assert json.loads(found["labels"]) == list("abcdefghij")
    assert json.loads(found["framing"]) == {"resize": "pad", "crop_ratio": 1.0}


def test_no_damage_is_taken_for_a_model(exported, tmp_path):
    content = (exported[1] / "model.onnx").read_bytes()
    refused = 0
    for seed in range(16):
        (tmp_path / "model.onnx").write_bytes(damaged(content, seed))
        try:
            predict = export.load(tmp_path, "onnx")
        except InputError as error:
            assert "cannot read" in str(error)
            refused += 1
        else:
            np.testing.assert_array_equal(predict(IMAGES), export.load(exported[1], "onnx")(IMAGES))
    assert refused >= 15


@pytest.mark.parametrize("activation", [pytest.param("sigmoid", marks=pytest.mark.slow), None])
def test_other_heads_in_every_exact_format(activation, tmp_path):
    model = network(activation)
    names = [*export.files.EXACT, "onnx"]
    export.save(model, tmp_path, names)
    expected = model.predict_on_batch(IMAGES.astype("float32"))
    assert abs(expected.sum(-1) - 1).min() > 0.01, "not of exclusive classes"
    for name in names:
        np.testing.assert_allclose(export.load(tmp_path, name)(IMAGES), expected, atol=1e-4)
    tensor = export.read_metadata(tmp_path / "model.tflite")["subgraph_metadata"][0]
    assert tensor["output_tensor_metadata"][0]["name"] == (
        "probability" if activation else "logits"
    )
    assert read_metadata(tmp_path / "model.onnx")["outputs"] == (activation or "logits")


@pytest.mark.slow
def test_shortcuts_that_average_at_odd_sides_in_every_exact_format(tmp_path):
    model = network(shape=(37, 33, 3), stem="deep", shortcut="D")
    images = np.random.default_rng(1).integers(0, 256, (3, 37, 33, 3)).astype("uint8")
    expected = model.predict_on_batch(images.astype("float32"))
    assert expected.std(0).max() > 1e-3
    names = [*export.files.EXACT, "onnx"]
    export.save(model, tmp_path, names)
    for name in names:
        np.testing.assert_allclose(export.load(tmp_path, name)(images), expected, atol=1e-5)


def test_images_of_any_size(tmp_path):
    model = network(shape=(None, None, 3))
    export.save(model, tmp_path, ["onnx"])  # the others: test_tflite.py
    for images in (IMAGES, IMAGES[:2, :20, :25]):
        expected = model.predict_on_batch(images.astype("float32"))
        np.testing.assert_allclose(export.load(tmp_path, "onnx")(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    "mode",  # channels that change places, and numbers that are divided
    [
        pytest.param(mode, marks=() if mode in ("caffe", "torch") else pytest.mark.slow)
        for mode in imagenet_utils.MODES
    ],
)
def test_what_prepares_images_is_in_the_file(mode, tmp_path):
    image = keras.Input((32, 32, 3), name="image")
    prepared = imagenet_utils.preprocess_input(image, mode=mode)
    model = ResNet20(input_tensor=prepared, activation_order="full_preact", blocks=(1, 1, 1))
    export.save(model, tmp_path, ["onnx"])
    expected = model.predict_on_batch(IMAGES.astype("float32"))
    np.testing.assert_allclose(export.load(tmp_path, "onnx")(IMAGES), expected, atol=1e-4)


def test_the_missing_package_is_named(python, tmp_path):
    code = (
        "import sys; sys.modules['tf2onnx'] = None;"
        "import keras_resnet;"
        "keras_resnet.export.save(keras_resnet.ResNet8(), sys.argv[1], ['onnx'])"
    )
    done = python("-c", code, tmp_path, check=False)
    assert "pip install 'keras-resnet-family[onnx]'" in done.stderr
    assert not list(tmp_path.iterdir())
