"""Knowledge distillation: what teachers predict, what is kept of it, and what a student learns."""

import os
import shutil
import signal
from dataclasses import replace

import keras
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from keras_resnet import InputError, Spec
from keras_resnet.weights.pretrained import CIFAR10
from tests.forked import ROOT
from tests.train.test_flags import CHANGES
from train.backend.tensorflow.batches import pool_batches, training_batches
from train.compress import distillation
from train.data import sources
from train.data.augment import augmenter
from train.data.dataset import Split
from train.data.draws import epoch_plan
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.networks import MODELS
from train.settings.recipe import CROPS, Recipe
from train.settings.recipes import DISTILLED, FAST
from train.trainer import fitting, trainer
from train.utils.stop_signals import Stopped

CACHE = distillation.TEACHER_CACHE
SPEC = Spec(blocks=(1,), widths=(16,))
EXECUTION = Execution(precision="float32")
ONES = np.ones(30, "int32")
# Sizes do not grow with a pool, and other rules of `Recipe` are none of teachers.
UNTAUGHT = "crop", "first_size", "last_size", "stage_decay", "optimizer", "teacher", "class_weight"


@pytest.fixture(scope="module")
def whole():
    return sources.load(DataSettings("digits"), 32)


@pytest.fixture(scope="module")
def data(whole):
    """As many images as it takes to ask a teacher."""
    return replace(whole, train=whole.train.subset(np.arange(400)))


@pytest.fixture
def recipe(digits_run):
    return replace(
        FAST, epochs=2, batch_size=64, augmentation_pool=2, teacher=str(digits_run), temperature=3.0
    )


def test_targets_are_the_teachers_softened_probabilities_in_each_augmentation(
    recipe, data, digits_run, tmp_path
):
    training = trainer.prepare(SPEC, recipe, data, EXECUTION)
    targets = distillation.teacher_targets(training, tmp_path / CACHE)
    assert (targets.shape, targets.dtype) == ((2, len(training.images.labels), 10), np.float16)
    teacher = keras.saving.load_model(digits_run / "model.keras")
    for augmentation in range(2):
        batches = pool_batches(training.images, training.recipe, augmentation)
        seen = np.concatenate(list(batches.take(2).as_numpy_iterator()))
        expected = teacher.predict_on_batch(seen) ** (1 / 3)
        expected /= expected.sum(-1, keepdims=True)
        np.testing.assert_allclose(targets[augmentation, : len(seen)], expected, atol=1e-3)


def test_a_teacher_predicts_once_and_again_if_the_cache_is_damaged(recipe, data, tmp_path, capsys):
    training, path = trainer.prepare(SPEC, recipe, data, EXECUTION), tmp_path / CACHE
    first = distillation.teacher_targets(training, path)
    written = path.stat().st_mtime_ns
    np.testing.assert_array_equal(distillation.teacher_targets(training, path), first)
    assert path.stat().st_mtime_ns == written
    os.truncate(path, 100)
    capsys.readouterr()
    np.testing.assert_array_equal(distillation.teacher_targets(training, path), first)
    assert "is damaged" in capsys.readouterr().out
    warmer = training._replace(recipe=replace(recipe, temperature=1.0))
    assert not np.array_equal(distillation.teacher_targets(warmer, path), first)


def test_augmentations_in_the_cache_are_not_predicted_again(recipe, data, tmp_path):
    training, path = trainer.prepare(SPEC, recipe, data, EXECUTION), tmp_path / CACHE
    whole = distillation.teacher_targets(training, path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    path.write_bytes(save({"targets": np.zeros_like(whole[:1])}, metadata))
    rest = distillation.teacher_targets(training, path)
    assert not rest[0].any()
    np.testing.assert_array_equal(rest[1], whole[1])


def test_no_more_augmentations_are_predicted_than_there_are_epochs(recipe, data, tmp_path, capsys):
    path = tmp_path / CACHE
    training = trainer.prepare(SPEC, replace(recipe, epochs=1), data, EXECUTION)
    (one,) = distillation.teacher_targets(training, path)
    training = trainer.prepare(SPEC, recipe, data, EXECUTION)
    both = distillation.teacher_targets(training, path)
    np.testing.assert_array_equal(both[0], one)
    assert len(both) == 2
    assert capsys.readouterr().out.count("predicting with") == 2


def test_a_signal_keeps_what_was_predicted(recipe, data, tmp_path, monkeypatch, capsys):
    training, path = trainer.prepare(SPEC, recipe, data, EXECUTION), tmp_path / CACHE
    predict = distillation.predict_augmentation

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return predict(*arguments)

    with monkeypatch.context() as patch, pytest.raises(Stopped, match="SIGTERM: stopped, and kept"):
        patch.setattr(distillation, "predict_augmentation", interrupted)
        distillation.teacher_targets(training, path)
    assert len(distillation.teacher_targets(training, path)) == 2
    assert capsys.readouterr().out.count("predicting with") == 2


def test_of_several_teachers_the_mean_is_taken(recipe, data, digits_run, tmp_path, train_again):
    other = tmp_path / "other"
    shutil.copytree(digits_run, other)
    train_again(other)
    found = []
    for teacher in (digits_run, other, f"{digits_run},{other}"):
        training = trainer.prepare(SPEC, replace(recipe, teacher=str(teacher)), data, EXECUTION)
        found.append(distillation.teacher_targets(training, tmp_path / CACHE))
    one, another, both = (each.astype("float32") for each in found)
    assert np.abs(one - another).max() > 0.5
    np.testing.assert_allclose(both, (one + another) / 2, atol=1e-3)


def test_labels_have_their_share_of_images_as_they_are_mixed(recipe, data, tmp_path):
    targets = {}
    for share in (0, 0.25, 1):
        mixing = replace(recipe, mixup=0.5, label_share=share)
        training = trainer.prepare(SPEC, mixing, data, EXECUTION)
        targets[share] = distillation.teacher_targets(training, tmp_path / CACHE).astype("float32")
    np.testing.assert_allclose(targets[0.25], 0.75 * targets[0] + 0.25 * targets[1], atol=1e-3)
    labels = trainer.prepare(SPEC, replace(mixing, teacher=""), data, EXECUTION)
    for epoch in range(2):  # what the labels are without a teacher
        order = epoch_plan(labels.recipe, len(labels.images), epoch).order[:64]
        batches = training_batches(labels.images, 10, labels.recipe, epoch)
        _, shown = next(iter(batches))
        np.testing.assert_allclose(targets[1][epoch, order], np.asarray(shown), atol=1e-3)


def test_a_student_is_exported_at_the_temperature_of_its_targets(recipe, whole, tmp_path):
    """Half labels and half of the temperature 5 makes 3: third powers of two probabilities."""
    recipe = replace(recipe, epochs=4, temperature=5.0, label_share=0.5)
    training = trainer.prepare(SPEC, recipe, whole, EXECUTION)
    targets = np.zeros((2, len(training.images.labels), 10), np.float16)
    targets[..., 3], targets[..., 7] = 0.6, 0.4
    result = fitting.fit(training, tmp_path, targets=targets)
    probabilities = result.model.predict_on_batch(whole.test.read()[:50].astype("float32"))
    np.testing.assert_allclose(probabilities[:, 3].mean(), 0.6**3 / (0.6**3 + 0.4**3), atol=0.03)


@pytest.mark.slow  # as the one above does, from targets that are harder
def test_a_student_learns_its_targets(recipe, whole, tmp_path):
    """Told that every image is a three, it says so of all."""
    training = trainer.prepare(SPEC, recipe, whole, EXECUTION)
    threes = np.zeros((2, len(training.images.labels), 10), np.float16)
    threes[:, :, 3] = 1
    result = fitting.fit(training, tmp_path, targets=threes)
    probabilities = result.model.predict_on_batch(whole.test.read()[:50].astype("float32"))
    assert (probabilities.argmax(-1) == 3).all()


def test_without_a_teacher_there_are_no_targets(data, recipe, tmp_path):
    training = trainer.prepare(SPEC, replace(recipe, teacher=""), data, EXECUTION)
    assert distillation.teacher_targets(training, tmp_path / CACHE) is None
    assert not (tmp_path / CACHE).exists()


def test_the_teacher_of_a_recipe_comes_with_the_repository(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    (checksum,) = distillation.teacher_checksums(DISTILLED)["teachers"].values()
    assert checksum == CIFAR10["ResNet32"].sha256
    labels = (ROOT / DISTILLED.teacher / "labels.txt").read_text().split()
    distillation.check_teachers(DISTILLED, MODELS["resnet20v2"], labels, tmp_path)


def test_a_teacher_of_other_classes_is_refused(recipe, data, tmp_path):
    fewer = replace(
        data,
        classes=data.classes[:5],
        train=data.train.subset(np.flatnonzero(data.train.labels < 5)),
        test=data.test.subset(np.flatnonzero(data.test.labels < 5)),
    )
    training = trainer.prepare(SPEC, recipe, fewer, EXECUTION)
    with pytest.raises(InputError, match=r"tells 0, 1, .*, 9 apart .* data have 0, 1, 2, 3, 4 on"):
        distillation.teacher_targets(training, tmp_path / CACHE)


def test_a_teacher_of_other_names_or_in_the_wrong_place_is_refused(
    recipe, data, digits_run, tmp_path
):
    named = [f"digit {label}" for label in data.classes]
    with pytest.raises(InputError, match="and the data have digit 0, digit 1"):
        distillation.check_teachers(recipe, SPEC, named, tmp_path)
    with pytest.raises(InputError, match=r"no missing/run\.json"):
        distillation.check_teachers(
            replace(recipe, teacher="missing"), SPEC, data.classes, tmp_path
        )
    with pytest.raises(InputError, match="is in the folder of its student"):
        distillation.check_teachers(recipe, SPEC, data.classes, digits_run / "." / "")
    alone = replace(recipe, teacher="")
    with pytest.raises(InputError, match="--temperature=3 is for the targets of a --teacher"):
        distillation.check_teachers(alone, SPEC, data.classes, digits_run)
    alone = replace(alone, temperature=Recipe.temperature, label_share=0.5)
    with pytest.raises(InputError, match=r"--label_share=0\.5 is for the targets of a --teacher"):
        distillation.check_teachers(alone, SPEC, data.classes, digits_run)
    alone = replace(alone, label_share=0.0)
    distillation.check_teachers(alone, SPEC, data.classes, digits_run)


@pytest.mark.parametrize("crop", CROPS)
def test_whatever_changes_what_teachers_see_is_predicted_again(crop):
    split = Split(np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3)).astype("uint8"), ONES)

    def shown(**changes):
        recipe = replace(Recipe(crop=crop, augmentation_pool=2), **changes)
        look = augmenter(split, recipe, np.zeros(3, "uint8"))
        return look(np.arange(30), epoch_plan(recipe, 30, 0))

    plain = shown()
    changes = {name: value for name, value in CHANGES[Recipe].items() if name not in UNTAUGHT}
    seen = {name for name in changes if not np.array_equal(shown(**{name: changes[name]}), plain)}
    assert seen - {*distillation.CACHE_KEY_FIELDS} == set()
    assert {"seed", "flip", "cutmix", "cutout", "lighting"} <= seen


def test_a_teacher_that_was_trained_again_predicts_again(
    recipe, data, digits_run, tmp_path, train_again
):
    own = tmp_path / "own"
    shutil.copytree(digits_run, own)
    recipe = replace(recipe, teacher=str(own))
    training = trainer.prepare(SPEC, recipe, data, EXECUTION)
    first = distillation.teacher_targets(training, tmp_path / CACHE)
    before = distillation.teacher_checksums(recipe)
    train_again(own)
    again = distillation.teacher_targets(training, tmp_path / CACHE)
    assert not np.array_equal(first, again)
    assert distillation.teacher_checksums(recipe) != before
    assert distillation.teacher_checksums(replace(recipe, teacher="")) == {}
    (own / "model.weights.h5").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"model\.weights\.h5 is not the file that was written"):
        distillation.teacher_targets(training, tmp_path / CACHE)
    (own / "model.weights.h5").unlink()
    with pytest.raises(InputError, match=r"own has no model\.weights\.h5: put it back"):
        distillation.teacher_checksums(recipe)


def test_predictions_for_other_images_are_not_taken(recipe, data, tmp_path):
    training = trainer.prepare(SPEC, recipe, data, EXECUTION)
    first = distillation.teacher_targets(training, tmp_path / CACHE)
    other = replace(data, train=data.train.subset(np.arange(len(data.train))[::-1]))
    again = trainer.prepare(SPEC, recipe, other, EXECUTION)
    assert not np.array_equal(distillation.teacher_targets(again, tmp_path / CACHE), first)
