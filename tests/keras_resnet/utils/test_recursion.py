import sys
from time import perf_counter

import keras
import pytest

from keras_resnet import ResNet, ResNet1001V2, ResNet1202, cifar, deep_recursion

LIMIT = 500  # calls, half of what Python allows: the network may be half as deep
# Without shortcuts every layer is a call; with them it is one or two for each unit.
DEEPER = cifar(176, shortcut="none", input_shape=(4, 4, 1), widths=(1, 1, 1))


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


@pytest.mark.slow
@pytest.mark.parametrize("build", [ResNet1202, ResNet1001V2])
def test_the_deepest_named_networks_build_in_well_under_a_minute(build):
    begin = perf_counter()
    build()
    assert perf_counter() - begin < 45
