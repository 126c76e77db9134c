"""Features that are kept, and a second phase that goes on where it was killed."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnet import open_weights
from keras_resnet.spec import NETWORKS
from keras_resnet.utils.errors import InputError
from train.data import sources
from train.runs.folder import record_run
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.recipes import FINETUNE
from train.trainer import fitting, trainer
from train.trainer.checkpoint import Progress
from train.trainer.fitting import Result
from train.transfer import features, tuning
from train.transfer.plan import Plan

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


@pytest.mark.parametrize("worse", [True, False])
def test_if_no_epoch_is_better_the_head_alone_is_delivered(photos, tmp_path, worse):
    training = prepare(photos, epochs=1)
    head = tuning.fit_head(training)._replace(validation_accuracy=1.1 if worse else 0.0)
    found = tuning.tune(training, tmp_path / "run", head, Plan(training.recipe, False, 1.0))
    assert found.delivered_epoch == (0 if worse else 1)
    only_head = Plan(training.recipe, True, 0.0)
    alone = tuning.tune(prepare(photos, epochs=1), tmp_path, head, only_head)
    pairs = zip(found.model.get_weights(), alone.model.get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs) == worse


@pytest.mark.parametrize("right", [7, 8])  # of 10, which float32 rounds down and up
def test_an_epoch_that_is_as_good_as_the_head_alone_is_delivered(photos, monkeypatch, right):
    training = prepare(photos)
    head = tuning.fit_head(training)._replace(validation_accuracy=right / 10)
    history = [{"epoch": 1, "val_accuracy": float(np.float32(right / 10))}]
    trained = Result(training.model, Progress(epoch=1, history=history), 1)
    monkeypatch.setattr(fitting, "fit", lambda *_: trained)
    plan = Plan(training.recipe, False, 1.0)
    assert tuning.tune(training._replace(held_out=range(10)), photos, head, plan) is trained


def test_features_do_not_depend_on_the_classes(photos):
    compute(prepare(photos))
    for number in range(30, 33):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 16, 3)).astype("uint8")
        (photos / "new").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(photos / f"new/{number}.png")
    assert compute(prepare(photos)).computed <= 3


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(path.read_bytes()[:-99]),
    lambda path: path.write_bytes(b"PK" + path.read_bytes()[2:60]),
    lambda path: path.write_bytes(b"\x93NUMPY\x01\x00" + bytes(200)),
    lambda path: path.write_bytes(b""),
])  # fmt: skip
def test_damaged_features_are_computed_again(photos, damage):
    before = compute(prepare(photos))
    damage(features.cache_path(prepare(photos)))
    again = compute(prepare(photos))
    assert again.computed == before.computed
    np.testing.assert_array_equal(again.features[0], before.features[0])


def test_what_others_computed_meanwhile_is_kept(photos):
    training = prepare(photos)
    path = features.cache_path(training)
    one, other = ({bytes([i]) * 16: np.full(4, i, "float32")} for i in (1, 2))
    features._write(path, one)
    features._write(path, other)
    assert [*features._read(path)] == [*one, *other]
    assert [*path.parent.iterdir()] == [path]


def test_what_was_begun_goes_on_only_if_it_was_to_take_as_long(photos, tmp_path):
    folder, training = tmp_path / "run", prepare(photos)
    description = training.description() | {"plan": {"minutes": 3.0, "head_only": False}}
    assert tuning.begun(folder, description) is None
    with pytest.raises(SystemError), record_run(folder, description, False):
        raise SystemError("killed")
    assert tuning.begun(folder, description) == training.recipe
    longer = description["recipe"] | {"epochs": 7}  # as another look at the time might plan it
    assert tuning.begun(folder, description | {"recipe": longer}) == training.recipe
    with pytest.raises(InputError, match=r"another run \(recipe\.epochs 2, not 7\)"):
        tuning.begun(folder, description | {"recipe": longer}, ["epochs"])
    for plan in ({"minutes": 5.0, "head_only": False}, {"minutes": 3.0, "head_only": True}):
        with pytest.raises(InputError, match=r"already holds another run \(plan\."):
            tuning.begun(folder, description | {"plan": plan})
    with record_run(folder, description, False):
        pass
    with pytest.raises(InputError, match=r"finished but for its int8 file, which `python -m train"):
        tuning.begun(folder, description)
    (folder / "model_int8.tflite").touch()
    with pytest.raises(InputError, match="already holds this run, finished: choose another"):
        tuning.begun(folder, description)


class Kill(keras.callbacks.Callback):
    """Ends a training in the middle of its last epoch, as a kill does, when nothing is saved."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 4:
            raise SystemError("killed")


@pytest.mark.slow
def test_after_a_kill_it_goes_on_to_the_bit(photos, tmp_path):
    given = ["epochs", "frozen_stages"]

    def planned(folder, seconds=100.0):
        training = prepare(photos)
        begun = tuning.begun(folder, training.description())
        return tuning.plan(training, EXECUTION, begun, seconds, given)

    head = tuning.fit_head(prepare(photos))
    whole = tuning.tune(*_in(planned(tmp_path / "whole"), tmp_path / "whole", head))
    training, _ = planned(tmp_path / "killed")
    training.model.get_layer("predictions").set_weights([head.kernel, head.bias])
    with pytest.raises(SystemError), record_run(tmp_path / "killed", training.description(), False):
        fitting.fit(training, tmp_path / "killed", 0.0, [Kill()])
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
