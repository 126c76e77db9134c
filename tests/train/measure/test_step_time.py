import numpy as np
import pytest

from keras_resnet import Spec
from train.data.dataset import Data, Split
from train.measure.step_time import time_steps
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import trainer

IMAGES = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), np.uint8)
DATA = Data("noise", ("a", "b"), *[Split(IMAGES, np.arange(100, dtype="int32") % 2)] * 2)
RECIPE = Recipe(epochs=1, batch_size=2, crop_padding=1)


@pytest.mark.parametrize(
    ("fewest", "enough", "steps"), [(3, 0.0, 6), (10**6, 0.0, 45), (0, 1e9, 45)]
)
def test_timing_ends_when_it_is_enough(fewest, enough, steps):
    spec, execution = Spec(blocks=(1,), widths=(16,)), Execution(precision="float32")
    done, seconds = time_steps(trainer.prepare(spec, RECIPE, DATA, execution), fewest, enough)
    assert done == steps
    assert 1e-5 < seconds < 5


def test_an_epoch_of_one_step_takes_time():
    spec, execution = Spec(blocks=(1,), widths=(16,)), Execution(precision="float32")
    recipe = Recipe(epochs=1, batch_size=90, crop_padding=1)
    done, seconds = time_steps(trainer.prepare(spec, recipe, DATA, execution), 3, 0.0)
    assert (done, seconds > 1e-3) == (1, True)
