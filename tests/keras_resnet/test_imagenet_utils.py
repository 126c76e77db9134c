import hashlib
import json
import sys
from functools import partial

import keras
import numpy as np
import pytest

from keras_resnet import ResNet20, imagenet_utils, resnet, resnet50, resnet_v2
from keras_resnet.imagenet_utils import (
    CIFAR10,
    MODES,
    decode_predictions,
    imagenet_classes,
    preprocess_input,
)

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype("float32")


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("kind", ["float32", "uint8", "tensor", "one"])
def test_the_same_as_keras_and_never_in_place(kind, mode):
    images = IMAGES.astype("uint8") if kind == "uint8" else IMAGES.copy()
    images = keras.ops.convert_to_tensor(images) if kind == "tensor" else images
    images = images[0] if kind == "one" else images
    before = np.array(images)
    result = preprocess_input(images, mode=mode)
    np.testing.assert_array_equal(images, before)
    copy = images if kind == "tensor" else images.copy()
    expected = keras.applications.imagenet_utils.preprocess_input(copy, mode=mode)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("first", [False, True])
def test_cifar10_statistics(first):
    images = np.full((2, 4, 5, 3), [125.307, 122.95, 113.865], "float32")
    images[1] += [62.993, 62.089, 66.705]
    images = images.transpose(0, 3, 1, 2) if first else images
    result = preprocess_input(images, "channels_first" if first else None, mode="cifar10")
    np.testing.assert_allclose(result[0], np.zeros_like(images[0]), atol=1e-5)
    np.testing.assert_allclose(result[1], np.ones_like(images[1]), atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_whole_numbers_become_floats(mode):
    # keras.applications lets a tensor of bytes overflow.
    array = IMAGES.astype("uint8")
    result = preprocess_input(keras.ops.convert_to_tensor(array), mode=mode)
    np.testing.assert_allclose(result, preprocess_input(array, mode=mode), atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["uint8", "int32", "int64", "bool"])
def test_arrays_of_whole_numbers_become_keras_own_floats(mode, kind):
    images = (IMAGES > 100).astype(kind)
    assert preprocess_input(images, mode=mode).dtype == "float32"
    assert preprocess_input(images.tolist(), mode=mode).dtype == "float32"


def test_nested_lists_are_images_too():
    result = preprocess_input(IMAGES.astype("uint8").tolist(), mode="tf")
    np.testing.assert_array_equal(result, preprocess_input(IMAGES.astype("uint8"), mode="tf"))


def test_preprocessing_inside_a_model():
    source = keras.Input((4, 5, 3))
    model = keras.Model(source, preprocess_input(source, mode="tf"))
    np.testing.assert_allclose(model(IMAGES), IMAGES / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_a_model_that_prepares_its_images_is_saved_and_loaded(mode, tmp_path):
    prepare = imagenet_utils.PREPROCESSING[mode]
    assert getattr(sys.modules[prepare.__module__], prepare.__qualname__) is prepare
    source = keras.Input((4, 5, 3))
    model = keras.Model(source, keras.layers.Lambda(prepare)(source))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(IMAGES), preprocess_input(IMAGES, mode=mode), atol=1e-4)


def test_the_modules_of_keras_applications_have_the_preparation_of_their_networks():
    assert resnet.preprocess_input is resnet50.preprocess_input is imagenet_utils.preprocess_caffe
    assert resnet_v2.preprocess_input is imagenet_utils.preprocess_tf
    for module in (resnet, resnet50, resnet_v2):
        assert module.decode_predictions is decode_predictions
    rows = ResNet20.decode_predictions(np.eye(10)[[8]], top=np.int64(1))
    assert rows == [[("ship", "ship", 1.0)]]


def test_other_shapes_are_named():
    for mode in ("caffe", "torch", "cifar10"):
        with pytest.raises(ValueError, match=r"images must be .*; got \(4, 5, 1\)"):
            preprocess_input(IMAGES[0, :, :, :1], mode=mode)
    with pytest.raises(ValueError, match=r"images must be .*; got \(5, 3\)"):
        preprocess_input(IMAGES[0, 0], mode="tf")
    with pytest.raises(ValueError, match=r"each of classes must be a name, .*; got \('a',\)"):
        decode_predictions(np.eye(1), classes=[("a",)])


def test_channels_first():
    first = IMAGES.transpose(0, 3, 1, 2)
    result = preprocess_input(first, "channels_first", mode="torch")
    np.testing.assert_array_equal(
        result.transpose(0, 2, 3, 1), preprocess_input(IMAGES, mode="torch")
    )
    for mode in MODES:
        with pytest.raises(ValueError, match="data_format"):
            preprocess_input(IMAGES, "channels_middle", mode=mode)


def test_the_class_names_are_those_that_keras_downloads():
    index = {str(i): pair for i, pair in enumerate(imagenet_classes())}
    # keras/src/applications/imagenet_utils.py, decode_predictions
    assert hashlib.md5(json.dumps(index).encode()).hexdigest() == "c2c37ea517e94d9795004a39431a14cb"


def test_decoding():
    scores = np.random.default_rng(0).uniform(size=(2, 1000)).astype("float32")
    rows = decode_predictions(keras.ops.convert_to_tensor(scores), top=3)
    assert [len(row) for row in rows] == [3, 3]
    best = scores[1].argmax()
    assert rows[1][0] == (*imagenet_classes()[best], scores[1, best])
    assert [score for *_, score in rows[0]] == sorted(scores[0], reverse=True)[:3]


def test_decoding_other_classes():
    assert decode_predictions(np.eye(10)[[8]], 1, CIFAR10) == [[("ship", "ship", 1.0)]]
    pairs = [("n01", "hen"), ("n02", "cock")]
    assert decode_predictions(np.array([[0.2, 0.8]]), classes=pairs)[0][0] == ("n02", "cock", 0.8)
    with pytest.raises(ValueError, match=r"\(samples, 1000\).*classes=\[...\].*\(2, 10\)"):
        decode_predictions(np.zeros((2, 10)))
    with pytest.raises(ValueError, match="top must be a whole number of at least 1; got -1"):
        decode_predictions(np.eye(10), -1, CIFAR10)
    with pytest.raises(ValueError, match=r"\(samples, 2\)"):
        decode_predictions(np.zeros(10), classes=["a", "b"])


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_several_batches_of_channels_first_are_prepared_as_each_alone(mode):
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 3, 8, 8)).astype("float32")
    first = partial(preprocess_input, mode=mode, data_format="channels_first")
    np.testing.assert_allclose(first(x), np.stack([first(part) for part in x]), atol=1e-4)
