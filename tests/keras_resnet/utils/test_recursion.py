import sys
from time import process_time

import keras
import numpy as np
import pytest

from keras_resnet import (
    ResNet,
    ResNet110,
    ResNet1001V2,
    ResNet1202,
    cifar,
    deep_recursion,
    freeze_batchnorm,
)
from keras_resnet.export.fold import fold
from train.compress.quantization_aware import fake_quantized
from train.settings.execution import Execution
from train.settings.recipes import FAST
from train.trainer.model import training_model

LIMIT = 300  # calls, of the 1,000 that Python allows: the network may be less deep
# Without shortcuts every layer is a call; with them it is one or two for each unit.
DEEPER = cifar(104, shortcut="none", input_shape=(4, 4, 1), widths=(1, 1, 1))


@pytest.fixture(scope="module")
def deeper():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(LIMIT)
    yield ResNet(DEEPER)
    sys.setrecursionlimit(before)


def test_keras_still_walks_graphs_by_recursion(deeper):
    """When this fails, keras-team/keras issue 15596 is mended: `deep_recursion` can go."""
    with pytest.raises(RecursionError):
        keras.Model(deeper.input, deeper.output)


def test_deep_networks_build_save_and_load(deeper, tmp_path):
    deeper.save(tmp_path / "deep.keras")
    with deep_recursion():
        again = keras.saving.load_model(tmp_path / "deep.keras")
    assert len(again.layers) == len(deeper.layers) > LIMIT
    assert sys.getrecursionlimit() == LIMIT


def for_training(_):
    return training_model(DEEPER, FAST, ([0.0], [1.0]), Execution(precision="float32"), steps=1)


def as_int8(model):
    return fake_quantized(fold(model), np.zeros((1, 4, 4, 1), "uint8"))


@pytest.mark.parametrize(
    "make", [freeze_batchnorm, fold, for_training, pytest.param(as_int8, marks=pytest.mark.slow)]
)
def test_deep_networks_become_others(deeper, make):
    assert len(make(deeper).layers) > len(deeper.layers) / 2


def seconds_a_layer(build):
    begin = process_time()
    layers = len(build().layers)
    return (process_time() - begin) / layers


@pytest.mark.slow
@pytest.mark.parametrize("build", [ResNet1202, ResNet1001V2])
def test_the_time_to_build_the_deepest_named_networks_grows_with_their_layers(build):
    assert seconds_a_layer(build) < 4 * seconds_a_layer(ResNet110)  # with their square: 11 times
