"""Finished runs as sources of weights: what the package ships is one."""

import json
from shutil import copytree

import keras
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from keras_resnet import (
    InputError,
    LeNet5,
    ResNet8,
    ResNet20,
    ResNet20V2,
    from_checkpoint,
    open_weights,
)
from keras_resnet.imagenet_utils import CIFAR10
from keras_resnet.spec import SPECS
from keras_resnet.spec.preprocessing import MODES
from keras_resnet.utils.framing import Framing
from keras_resnet.weights.pretrained import CIFAR10 as TRAINED
from keras_resnet.weights.pretrained import SAVED_MODELS

RUN = SAVED_MODELS[0] / TRAINED["ResNet20"].run


def test_a_run_tells_all_of_its_weights():
    for source in (RUN, RUN / "model.weights.h5"):
        opened = open_weights(source)
        assert opened.network == SPECS["ResNet20"]
        assert opened.classes == CIFAR10
        assert opened.sha256 == TRAINED["ResNet20"].sha256
        assert opened.preprocessing.size == (32, 32)
        np.testing.assert_allclose(opened.preprocessing.mean, MODES["cifar10"].mean, atol=0.01)


def test_a_builder_takes_a_run():
    model, named = ResNet20(weights=RUN), ResNet20(weights="cifar10")
    for one, other in zip(model.get_weights(), named.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    black = np.zeros((1, 4, 4, 3), "float32")
    np.testing.assert_allclose(
        model.preprocess_input(black), named.preprocess_input(black), atol=1e-3
    )
    assert ResNet20(weights=RUN, classes=5).output_shape == (None, 5)
    with pytest.raises(InputError, match="activation_order 'original', and resnet20v2 has"):
        ResNet20V2(weights=RUN)
    with pytest.raises(InputError, match="family 'ResNet', and lenet5 has 'LeNet'"):
        LeNet5(weights=RUN)


def test_the_small_backbone_for_photographs_comes_along_in_half_precision():
    """It takes images of any size, and has another head for any classes."""
    folder = SAVED_MODELS[0] / "resnet18d_half_imagenet221"
    opened = open_weights(folder)
    assert (opened.network.classes, len(opened.classes)) == (221, 221)
    model = from_checkpoint(folder, include_top=False, pooling="avg", input_shape=(None, None, 3))
    for kernel in (weight.numpy() for weight in model.trainable_weights if weight.ndim > 1):
        np.testing.assert_array_equal(kernel, kernel.astype("float16"))
    photograph = np.asarray(load_sample_image("china.jpg"), "float32")[None]
    for side in (64, 96):
        features = model.predict(model.preprocess_input(photograph[:, :side, :side]), verbose=0)
        assert features.shape == (1, 256) and features.std() > 0.1
    assert from_checkpoint(folder, classes=6).output_shape == (None, 6)


def test_what_is_no_finished_run_is_named(tmp_path):
    copytree(RUN, tmp_path / "run")
    weights, record = tmp_path / "run/model.weights.h5", tmp_path / "run/run.json"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(InputError, match="is not the file that was written, its SHA-256 differs"):
        open_weights(tmp_path / "run")
    copytree(RUN, tmp_path / "renamed")
    (tmp_path / "renamed/labels.txt").write_text("the only one\n")
    with pytest.raises(InputError, match=r"labels\.txt is not the file that was written"):
        open_weights(tmp_path / "renamed")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"status": "training"}))
    with pytest.raises(InputError, match=r"is not the folder of a finished run \(.*status"):
        ResNet20(weights=tmp_path / "run")


def test_a_run_tells_what_of_an_image_it_saw(tmp_path):
    copytree(RUN, tmp_path / "run")
    record = json.loads((tmp_path / "run/run.json").read_text())
    record["data"]["resize"] = "pad"
    (tmp_path / "run/run.json").write_text(json.dumps(record))
    assert open_weights(tmp_path / "run").preprocessing.framing == Framing(resize="pad")


def test_named_weights_are_of_a_network():
    opened = open_weights("cifar10", SPECS["ResNet20"])
    assert opened.preprocessing == open_weights(RUN).preprocessing
    assert opened.classes == CIFAR10
    with pytest.raises(InputError, match="weights 'cifar10' are of several networks"):
        open_weights("cifar10")


def test_the_normalization_in_a_file_of_keras_is_found(tmp_path):
    image = keras.Input((32, 32, 3))
    layer = keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 9.0, 16.0])
    ResNet8(input_tensor=layer(image)).save(tmp_path / "model.keras")
    found = ResNet8(weights=tmp_path / "model.keras").preprocessing
    assert (found.mean, found.std) == ((1, 2, 3), (2, 3, 4))
    assert (found.size, found.framing) == ((32, 32), Framing())
    ResNet8().save(tmp_path / "bare.keras")
    assert not hasattr(ResNet8(weights=tmp_path / "bare.keras"), "preprocessing")
