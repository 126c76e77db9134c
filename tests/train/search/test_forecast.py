from dataclasses import asdict, replace

import numpy as np
import pytest

from keras_resnet import InputError, cifar, macs
from train.data.dataset import Data, Split
from train.measure import step_time
from train.search import forecast
from train.search.forecast import Forecast
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import trainer

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 3)).astype("uint8")
DATA = Data("noise", ("a", "b"), *[Split(IMAGES, np.arange(200, dtype="int32") % 2)] * 2)
RECIPE = Recipe(batch_size=10, validation_fraction=0.3)
FORECAST = Forecast(setup=10.0, fixed=0.001, per_mac=1e-9, images=1000, typical=2e6)


def test_a_trial_is_its_setup_and_its_images():
    assert FORECAST.trial(3, 1e6) == pytest.approx(10 + 3 * 1000 * (0.001 + 0.001))
    assert FORECAST.total([1, 2]) == pytest.approx(20 + 3 * 1000 * 0.003)


def test_trials_that_took_longer_correct_what_is_left():
    corrected = Forecast(**asdict(FORECAST))
    corrected.record(1, 2e6, 26.0)  # thought to take 13
    assert corrected.total([1]) == pytest.approx(26.0)


def test_the_line_goes_through_the_smallest_and_the_largest(monkeypatch):
    points = [(cifar(8, width_multiplier=width), RECIPE) for width in (1.0, 0.5, 2.0)]
    monkeypatch.setattr(trainer, "prepare", lambda spec, *_: spec_training(spec))
    seconds = {macs(spec): 0.1 * (1 + place) for place, (spec, _) in enumerate(points)}
    asked = []

    def time_steps(training, *_):
        asked.append(macs(training.network))
        return 20, seconds[asked[-1]]

    monkeypatch.setattr(step_time, "time_steps", time_steps)
    made = forecast.forecast(points, DATA, Execution(), lambda spec: None)
    assert asked == [macs(points[1][0]), macs(points[2][0])]
    for cost in asked:
        assert made.fixed + made.per_mac * cost == pytest.approx(seconds[cost] / 10)
    assert made.images == pytest.approx(140 + 60 / 3)
    assert made.typical == pytest.approx(sum(macs(spec) for spec, _ in points) / 3)


def test_images_that_data_hold_out_themselves_take_a_third(monkeypatch):
    monkeypatch.setattr(trainer, "prepare", lambda spec, *_: spec_training(spec))
    monkeypatch.setattr(step_time, "time_steps", lambda *_: (20, 0.1))
    data = replace(DATA, validation=DATA.train.subset(np.arange(90)))
    made = forecast.forecast([(cifar(8), RECIPE)], data, Execution(), lambda spec: None)
    assert made.images == pytest.approx(200 + 90 / 3)


def test_a_network_that_cannot_be_measured_is_left_out(monkeypatch, capsys):
    points = [(cifar(8, width_multiplier=width), RECIPE) for width in (0.5, 1.0)]
    monkeypatch.setattr(trainer, "prepare", lambda spec, *_: spec_training(spec))
    monkeypatch.setattr(step_time, "time_steps", lambda *_: (20, 0.1))

    def measure(spec):
        if spec.width_multiplier == 0.5:
            raise InputError("too narrow")

    assert forecast.forecast(points, DATA, Execution(), measure).per_mac == 0
    assert "left out basic blocks 1-1-1 of 8-16-32 channels, original, A: too narrow" in (
        capsys.readouterr().out
    )
    with pytest.raises(InputError, match="no network of the space can be trained"):
        forecast.forecast(points[:1], DATA, Execution(), measure)


def spec_training(spec):
    """A training, as far as a forecast looks at it."""
    return trainer.Training("x", spec, RECIPE, Execution(), DATA, None, None, None, None, 20)
