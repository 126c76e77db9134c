"""A trained network with Keras's own preparation of images inside, as an app would run it."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from keras_resnet import ResNet20, export, resnet50
from keras_resnet.spec.preprocessing import MODES
from tests.conftest import ROOT
from train.data import sources
from train.settings.data import DataSettings

CIFAR = ROOT.parent / "shared" / "tfds"  # real data, beside the repository
BGR_MEAN = np.array((103.939, 116.779, 123.68))  # that `resnet50.preprocess_input` subtracts
IMAGES = 1000


def prepared_as_keras_does():
    """ResNet-20 as it was trained, but for BGR minus the means of ImageNet.

    What means zero is another grey then, so that it sees other borders; all else is equal. No
    weights that were trained this way are within reach of a machine without a network.
    """
    image = keras.Input((32, 32, 3), name="image")
    model = ResNet20(input_tensor=resnet50.preprocess_input(image))
    model.set_weights(ResNet20(weights="cifar10").get_weights())
    first, normal = (model.get_layer(f"conv1_{name}") for name in ("conv", "bn"))
    kernel, *bias = first.get_weights()
    kernel = (kernel / np.reshape(MODES["cifar10"].std, (3, 1)))[:, :, ::-1]
    first.set_weights([kernel, *bias])
    moved = np.einsum("hwio,i->o", kernel, BGR_MEAN - MODES["cifar10"].mean[::-1])
    normal.moving_mean.assign(normal.moving_mean - moved)
    return model


def guesses(path, images):
    """What an app gets that sends the bytes of pictures and takes the largest byte."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        interpreter.set_tensor(source["index"], image[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(result["index"])[0].argmax())
    return np.array(found)


@pytest.mark.manual
def test_bytes_are_recognized_as_well_as_numbers(tmp_path):
    assert CIFAR.exists(), f"{CIFAR} must hold CIFAR-10 as TFDS prepares it"
    data = sources.load(DataSettings("cifar10", str(CIFAR)), 32)
    images, labels = data.test.read()[:IMAGES], data.test.labels[:IMAGES]
    model = prepared_as_keras_does()
    export.save(model, tmp_path, ["int8"], calibration=data.train.read(np.arange(500)))
    exact = model.predict(images.astype("float32"), verbose=0).argmax(-1) == labels
    as_bytes = guesses(tmp_path / "model_int8.tflite", images) == labels
    assert exact.mean() > 0.9
    assert as_bytes.mean() > exact.mean() - 0.01
    scored = export.load(tmp_path, "int8")(images).argmax(-1) == labels
    np.testing.assert_array_equal(scored, as_bytes)  # we score what an app gets
