"""Features that are kept, and a second phase that goes on where it was killed."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnet import open_weights
from keras_resnet.spec import NETWORKS
from train.data import sources
from train.runs.folder import record_run
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.recipe import FINETUNE
from train.trainer import trainer
from train.transfer import features, tuning

RECIPE = replace(FINETUNE, epochs=2, batch_size=4, crop_padding=2, frozen_stages=3,
                 validation_fraction=0.3)  # fmt: skip
EXECUTION = Execution(precision="float32")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """16 photographs of two classes, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "grey"
    for number in range(16):
        add(root, number)
    return root


def add(root, number):
    """A photograph of its own."""
    folder = root / ("dark", "light")[number % 2]
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).normal(60 + 120 * (number % 2), 20, (20, 16, 3))
    Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(folder / f"{number}.png")


def prepare(root, **changes):
    network = NETWORKS["ResNet20"]
    data = sources.load(DataSettings(dataset=str(root), image_size=16, resize="pad"), 16)
    weights = open_weights("cifar10", network)
    recipe = replace(RECIPE, **changes)
    return trainer.prepare(network, recipe, data, EXECUTION, "resnet20", weights)


def compute(training):
    return features.compute(training, [training.images, training.held_out])


def test_features_are_computed_once(photos):
    first = prepare(photos)
    before = compute(first)
    assert before.computed == len(first.images) + len(first.held_out)
    again = compute(prepare(photos, class_weight="balanced"))
    assert again.computed == 0
    np.testing.assert_array_equal(again.features[0], before.features[0])
    for number in range(16, 26):
        add(photos, number)
    more = prepare(photos)
    found = compute(more)
    known = len(more.images) + len(more.held_out) - found.computed
    assert 0 < found.computed <= 10 and known >= before.computed - 1
    model = keras.Model(more.model.input, more.model.get_layer("predictions").input)
    expected = model.predict(more.images.read(np.arange(len(more.images))), verbose=0)
    np.testing.assert_allclose(found.features[0], expected, rtol=1e-4, atol=1e-4)


class Kill(keras.callbacks.Callback):
    """Ends a training in the middle of its last epoch, as a kill does, when nothing is saved."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 4:
            raise SystemError("killed")


@pytest.mark.slow
def test_after_a_kill_it_goes_on_to_the_bit(photos, tmp_path):
    given = ["epochs", "frozen_stages"]

    def planned(folder, seconds=100.0):
        return tuning.plan(prepare(photos), EXECUTION, folder, seconds, given)

    head = tuning.fit_head(prepare(photos))
    whole = tuning.tune(*_in(planned(tmp_path / "whole"), tmp_path / "whole", head))
    training, _ = planned(tmp_path / "killed")
    training.model.get_layer("predictions").set_weights([head.kernel, head.bias])
    with pytest.raises(SystemError), record_run(tmp_path / "killed", training.description(), False):
        trainer.fit(training, tmp_path / "killed", 0.0, [Kill()])
    # What was begun goes on, though there is no time, which alone would choose the head.
    given.clear()
    rest, plan = planned(tmp_path / "killed", 1e-6)
    assert plan.recipe == training.recipe
    found = tuning.tune(*_in((rest, plan), tmp_path / "killed", head))
    assert found.delivered_epoch == whole.delivered_epoch
    assert rest.model.optimizer.iterations.numpy() == 2 * rest.steps
    for one, other in zip(found.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def _in(planned, folder, head):
    training, plan = planned
    return training, folder, head, plan
