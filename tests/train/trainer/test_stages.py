"""What keeps its weights in a training, and how fast the rest of them learn."""

import keras
import numpy as np
import pytest

from keras_resnet.families import build
from keras_resnet.spec import NETWORKS
from keras_resnet.utils.errors import InputError
from tests.train.trainer.survive import colours
from train.data.dataset import Data
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import fitting, trainer
from train.trainer.optimizers import StagedSGD
from train.trainer.stages import freeze, rate_factors, stage

DATA = Data("colours", ("red", "green", "blue"), colours(120), colours(30))


def prepare(**changes):
    recipe = Recipe(epochs=1, batch_size=24, crop_padding=1, **changes)
    return trainer.prepare(NETWORKS["ResNet8"], recipe, DATA, Execution())


def test_frozen_stages_and_statistics_stay(tmp_path):
    training = prepare(frozen_stages=2, freeze_batchnorm=True, stage_decay=0.5)
    before = {w.path: w.numpy() for w in training.model.weights}
    fitting.fit(training, tmp_path, verbose=False)
    for weight in training.model.weights:
        learns = "predictions" in weight.path or (
            "_bn" not in weight.path and (stage(weight.path) or 0) > 2
        )
        assert np.array_equal(before[weight.path], weight.numpy()) != learns, weight.path


def test_a_network_has_so_many_stages():
    with pytest.raises(InputError, match="frozen_stages is 5, and the network has 4: lower it"):
        prepare(frozen_stages=5)


@pytest.mark.parametrize("model", ["AlexNetCifar", "VGG11Cifar", "GoogLeNetCifar"])
@pytest.mark.parametrize("changes", [{"frozen_stages": 1}, {"stage_decay": 0.5}])
def test_a_network_without_stages_freezes_none(model, changes):
    built = build(NETWORKS[model])
    with pytest.raises(InputError, match="are for networks with stages"):
        freeze(built, Recipe(**changes))


def test_earlier_stages_learn_at_lower_rates():
    variables = [
        keras.Variable(np.ones(2), name="kernel"),
        keras.Variable(np.ones(2), name="kernel"),
    ]
    for variable, layer in zip(variables, ("conv3_block1_1_conv", "predictions"), strict=True):
        variable._path = f"{layer}/kernel"
    factors = rate_factors(variables, 0.25)
    assert factors == [0.25, 1.0]
    optimizer = StagedSGD(0.5, factors, momentum=0.0)
    optimizer.apply([keras.ops.ones(2), keras.ops.ones(2)], variables)
    assert [variable.numpy().tolist() for variable in variables] == [[0.875] * 2, [0.5] * 2]


def test_rates_by_stage_are_for_sgd():
    with pytest.raises(InputError, match=r"stage_decay 0\.5 is for the optimizer sgd"):
        Recipe(stage_decay=0.5, optimizer="muon")


def test_muon_needs_momentum():
    with pytest.raises(InputError, match="orthogonalizes momentum, and it is 0"):
        Recipe(momentum=0.0, optimizer="muon")
