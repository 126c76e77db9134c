"""A network that is no residual network goes the whole way: trained, exported, distilled."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_resnet import COMPARISON, InputError
from tests.toy_family import Toy, register
from train import cifar, evaluate, export, predict
from train.compress import distillation
from train.data import sources
from train.runs import folder as folders
from train.runs import results
from train.runs.restore import model_card, restore
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.networks import MODELS
from train.settings.recipes import FAST
from train.trainer import fitting, trainer
from train.trainer.model import inference_model

RECIPE = replace(FAST, epochs=2, batch_size=64, flip="none", learning_rate=0.05)
TOY = Toy(filters=16)
SETTINGS = DataSettings("digits", image_size=8)


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    register(monkeypatch)


def train(folder, recipe=RECIPE, network=TOY):
    """What `train.cifar` does, for a network without a name."""
    data = sources.load(SETTINGS, 8)
    training = trainer.prepare(network, recipe, data, Execution(), "toy")
    description = training.description() | distillation.teacher_checksums(recipe)
    with folders.record_run(folder, description, False) as record:
        targets = distillation.teacher_targets(training, folder / "checkpoints/teacher.safetensors")
        result = fitting.fit(training, folder, targets=targets, verbose=False)
        record |= result.outcome()
        record["source"] = {"dataset": "digits", "data_dir": ""}
        results.write_formats(folder, result.model, model_card(description, data.classes))
        record["test"], _ = results.score(folder, data.test)
    return result.model, data


def test_it_is_trained_recorded_restored_exported_and_distilled(tmp_path, command):
    model, data = train(tmp_path / "run")
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["network"] == {
        "family": "toy", "filters": 16, "input_shape": [8, 8, 3], "classes": 10,
    }  # fmt: skip
    images = data.test.read()
    restored = restore(tmp_path / "run").model.predict(images, verbose=0)
    np.testing.assert_allclose(restored, model.predict(images, verbose=0), atol=1e-6)
    report = command(export, f"--run={tmp_path / 'run'}", "--formats=int8", "--max_drop=9")
    assert report["formats"]["int8"]["bytes"] < 10_000
    said = command(predict, f"--run={tmp_path / 'run'}", "--format=int8", "tests/data/digit_7.png")
    assert len(said["tests/data/digit_7.png"]) == 3
    recipe = replace(RECIPE, teacher=str(tmp_path / "run"), augmentation_pool=2)
    student, _ = train(tmp_path / "student", recipe)
    assert student.count_params() == model.count_params()


def test_images_that_are_too_small_are_refused():
    data = sources.load(replace(SETTINGS, image_size=2), 2)
    with pytest.raises(InputError, match="at least 3x3"):
        trainer.prepare(Toy(), RECIPE, data, Execution())


GOOGLENET = replace(COMPARISON["GoogLeNetCifar"], width_multiplier=0.05, input_shape=(8, 8, 1))


@pytest.mark.slow
def test_auxiliary_heads_learn_and_stay_behind(tmp_path):
    """With averaged weights, from labels and then from a teacher."""
    recipe = replace(RECIPE, ema_decay=0.9)
    model, data = train(tmp_path / "run", recipe, GOOGLENET)
    assert not [layer.name for layer in model.layers if layer.name.startswith("aux")]
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert (record["network"]["family"], record["network"]["auxiliary"]) == ("googlenet", 0.3)
    assert record["test"]["float32"]["accuracy"] == record["test"]["keras"]["accuracy"]
    images = data.test.read()
    restored = restore(tmp_path / "run").model.predict(images, verbose=0)
    np.testing.assert_allclose(restored, model.predict(images, verbose=0), atol=1e-6)
    learned = replace(recipe, teacher=str(tmp_path / "run"), augmentation_pool=2)
    student, _ = train(tmp_path / "student", learned, GOOGLENET)
    assert student.count_params() == model.count_params()


def test_the_loss_in_training_has_the_shares_of_the_auxiliary_heads():
    data = sources.load(SETTINGS, 8)
    recipe, exact = replace(RECIPE, weight_decay=0.0), Execution(precision="float32")
    training = trainer.prepare(GOOGLENET, recipe, data, exact)
    model = training.model
    images, labels = data.test.read()[:64], np.eye(10, dtype="float32")[data.test.labels[:64]]
    outputs = model(images, training=False)
    main, *heads = (
        float(keras.ops.mean(keras.losses.categorical_crossentropy(labels, each, from_logits=True)))
        for each in outputs
    )
    assert len({main, *heads}) == 3
    told = [
        float(model.compute_loss(images, labels, outputs, training=training))
        for training in (True, False)
    ]
    np.testing.assert_allclose(told, [main + 0.3 * sum(heads), main], rtol=1e-5)
    assert {*model.evaluate(images, labels, verbose=0, return_dict=True)} == {"accuracy", "loss"}
    final = inference_model(training.network, recipe, training.normalization, model)
    assert not [layer.name for layer in final.layers if layer.name.startswith("aux")]
    expected = keras.ops.softmax(outputs[0])
    np.testing.assert_allclose(final.predict_on_batch(images), expected, atol=1e-5)


def test_named_networks_of_other_families_are_models_of_the_command(tmp_path):
    assert MODELS["vgg16"] == COMPARISON["VGG16"]
    with pytest.raises(InputError, match="--shortcut is for residual networks: leave it out"):
        cifar.run(model="lenet5", shortcut="B")
    with pytest.raises(InputError, match=r"at least 35x35.*the networks named \.\.\.Cifar"):
        cifar.run(model="alexnet", dataset="digits", image_size=8, output_dir=tmp_path / "none")


@pytest.mark.parametrize(
    "name",
    [
        "lenet5",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("lenet5relu", "alexnetcifar", "vgg11cifar", "googlenetcifar")
        ),
    ],
)
def test_what_resnet_was_compared_with_goes_the_whole_way(name, tmp_path):
    """Trained by the command, exported, evaluated, with a page, as any network."""
    record = cifar.run(
        model=name, dataset="digits", recipe="fast", epochs=1, batch_size=64,
        learning_rate=0.02, output_dir=str(tmp_path / "run"),
    )  # fmt: skip
    assert {*record["test"]} == {"keras", "saved_model", "float32"}
    said = evaluate.run(run=str(tmp_path / "run"), output_dir=str(tmp_path / "evaluation"))
    (found,) = said if isinstance(said, list) else (said,)
    assert found["top1"]["value"] == pytest.approx(record["test"]["keras"]["accuracy"], abs=1e-6)
    assert "<svg" in (tmp_path / "run/report.html").read_text()
    more = export.run(run=str(tmp_path / "run"), formats="int8", max_drop=20)
    assert more["formats"]["int8"]["file"] == "model_int8.tflite"
