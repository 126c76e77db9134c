import os
import zipfile

import keras
import numpy as np
import pytest

from keras_resnet import (
    InputError,
    Preprocessing,
    ResNet8,
    ResNet18,
    export,
    from_checkpoint,
    load_model,
    save_model,
    to_checkpoint,
)
from keras_resnet.imagenet_utils import prepare, with_preprocessing

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
ODD = Preprocessing(mean=(1, 2, 3), std=(4, 5, 6), channels="BGR", interpolation="bicubic")


def test_preparation_in_numbers():
    expected = ((IMAGES - [1, 2, 3]) / [4, 5, 6])[..., ::-1]
    np.testing.assert_allclose(prepare(IMAGES, ODD), expected, rtol=1e-5)
    first = prepare(IMAGES.transpose(0, 3, 1, 2), ODD, "channels_first")
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), prepare(IMAGES, ODD))


def test_a_model_keeps_how_its_images_are_prepared(tmp_path):
    model, path = with_preprocessing(ResNet8(), ODD), tmp_path / "model.keras"
    np.testing.assert_array_equal(model.preprocess_input(IMAGES), prepare(IMAGES, ODD))
    save_model(model, path)
    again = load_model(path)
    assert again.preprocessing == ODD == ResNet8(weights=path).preprocessing
    np.testing.assert_array_equal(again.preprocess_input(IMAGES), prepare(IMAGES, ODD))
    theirs = keras.saving.load_model(path)  # Keras reads the same file, without that
    assert not hasattr(theirs, "preprocessing")
    for one, other in zip(theirs.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def siamese():
    """Two models of layers of the same names, and two layers whose parts have such."""
    image = keras.Input((8, 8, 3))
    towers = [
        keras.Sequential([keras.layers.Conv2D(2, 3, name="conv")], name=name) for name in "ab"
    ]
    x, y = (keras.layers.Reshape((36, 2))(tower(image)) for tower in towers)
    for _ in towers:
        x = keras.layers.MultiHeadAttention(2, 4)(x, y)
    return keras.Model(image, x)


def test_models_of_others_need_not_be_sources_of_weights(tmp_path):
    model, path = siamese(), tmp_path / "model.keras"
    save_model(model, path)
    image = IMAGES.repeat(2, axis=1).repeat(2, axis=2)[:, :, :8]
    np.testing.assert_array_equal(load_model(path)(image), model(image))


def test_a_tilde_is_the_home_in_every_path(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = ResNet18(blocks=(1, 1), widths=(8, 16), include_top=False)
    save_model(model, "~/model.keras")
    to_checkpoint(model, "~/model.safetensors")
    model = ResNet8(input_shape=(8, 8, 3))
    export.save(model, "~/run", ["keras"])
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.keras", "model.safetensors", "run"
    }  # fmt: skip
    load_model("~/model.keras")
    from_checkpoint("~/model.safetensors")
    export.load("~/run")
    ResNet8(weights="~/run/model.keras")


def test_files_of_others_have_none_and_damaged_ones_are_named(tmp_path):
    path = tmp_path / "model.keras"
    save_model(ResNet8(), path)
    assert not hasattr(load_model(path), "preprocessing")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("preprocessing.json", '{"mean": [0], "std": [0]}')
    with pytest.raises(InputError, match=r"cannot read .*std above 0"):
        load_model(path)
    os.mkfifo(tmp_path / "pipe.keras")  # which would be waited for
    with pytest.raises(InputError, match=r"pipe\.keras is a pipe or a device"):
        load_model(tmp_path / "pipe.keras")
    with pytest.raises(InputError, match="end its name in"):
        save_model(ResNet8(), tmp_path / "model.h5")
