"""The command as a user runs it."""

import csv
import json
import re
from functools import partial

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnet import InputError, ResNet, families
from keras_resnet.export import formats
from keras_resnet.utils.schema import parse
from train import cifar
from train.data import sources
from train.settings.data import DataSettings
from train.settings.recipe import Recipe
from train.settings.recipes import RECIPES


@pytest.fixture(scope="module")
def record(digits_run):
    return json.loads((digits_run / "run.json").read_text())


def test_everything_is_in_the_run_folder(digits_run):
    assert {path.name for path in digits_run.iterdir()} == {
        "model.keras", "model.weights.h5", "saved_model", "model.tflite", "labels.txt",
        "framing.json", "history.csv", "curves.png", "run.json", "report.html", "tensorboard",
        "evaluation", ".lock",
    }  # fmt: skip
    assert (digits_run / "labels.txt").read_text().splitlines() == list("0123456789")
    assert list((digits_run / "tensorboard").rglob("events.out.tfevents.*"))


def test_the_record_tells_what_was_done(record):
    assert record["status"] == "finished"
    assert families.from_json(record["network"]).depth == 8
    recipe = parse(Recipe, record["recipe"])
    assert (recipe.epochs, recipe.batch_size, recipe.flip) == (2, 64, "none")
    assert recipe.weight_decay == RECIPES["fast"].weight_decay
    assert record["data"]["sha256"] == sources.load(DataSettings("digits"), 32).fingerprint
    assert record["seconds"] > 0
    assert record["images_per_second"] > 0
    assert record["versions"]["keras"] == keras.__version__


def test_all_formats_score_alike(record):
    accuracies = {name: values["accuracy"] for name, values in record["test"].items()}
    assert tuple(accuracies) == formats.EXACT
    assert max(accuracies.values()) - min(accuracies.values()) <= 0.001
    assert max(values["max_difference"] for values in record["test"].values()) < 1e-4


def test_the_score_is_that_of_the_file(digits_run, record):
    test = sources.load(DataSettings("digits"), 32).test
    guesses = formats.load(digits_run)(test.read()).argmax(-1)
    assert np.mean(guesses == test.labels) == record["test"]["keras"]["accuracy"]


def test_the_history_has_a_row_for_each_epoch(digits_run, record):
    with open(digits_run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= rows[0].keys()
    assert float(rows[-1]["val_loss"]) == record["last_epoch"]["val_loss"]


def test_the_curves_are_a_picture(digits_run):
    with Image.open(digits_run / "curves.png") as picture:
        assert picture.size == (1080, 432)
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_the_page_tells_the_same_as_the_record(digits_run, record):
    page = (digits_run / "report.html").read_text()
    assert f"<strong>{100 * record['test']['keras']['accuracy']:.2f}\u00a0%</strong>" in page
    assert "resnet8 on digits" in page
    for section in ("scores", "curves", "confusion", "calibration", "data", "network", "limits"):
        assert f'<section id="{section}"' in page


def test_the_weights_alone_load_into_the_network(digits_run):
    """Normalization is outside of the network and has no weights."""
    model = keras.saving.load_model(digits_run / "model.keras")
    record = json.loads((digits_run / "run.json").read_text())
    bare = ResNet(families.from_json(record["network"]), weights=digits_run / "model.weights.h5")
    raw = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("float32")
    scale = record["normalization"]
    normal = (raw - scale["mean"]) / scale["std"]
    np.testing.assert_allclose(
        bare.predict_on_batch(normal), model.predict_on_batch(raw), atol=1e-5
    )


@pytest.fixture
def command(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return partial(command, cifar)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model=resnet21"], "unknown model 'resnet21': did you mean 'resnet20'"),
        (["--recipe=fats"], "unknown recipe 'fats': did you mean 'fast'"),
        (["--precision=float64"], "unknown precision 'float64'"),
        (["--schedule=cosine"], "unknown schedule 'cosine'"),
        (["--activation_order=v2"], "unknown activation_order 'v2'"),
        (["--epochs=0"], "epochs must be a whole number of at least 1; got 0"),
        (["--dataset=digits", "--model=resnet50", "--image_size=16"], "at least 32x32"),
        (["--dataset=digits", "--batch_size=5000"], "lower --batch_size"),
        (["--min_area=0.5"], "min_area is for the crop area, and this is pad"),
        (["resnet20"], "unexpected 'resnet20': write flags as --name=value"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(command, tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        command(*arguments)
    assert not list(tmp_path.iterdir())


def test_a_run_is_not_replaced_before_its_teacher_is_found(command, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "model.keras").write_text("an hour of work")
    flags = "--dataset=digits", "--model=resnet8", "--augmentation_pool=2", "--overwrite"
    with pytest.raises(InputError, match=r"no missing/run\.json"):
        command(*flags, "--teacher=missing", f"--output_dir={folder}")
    assert (folder / "model.keras").read_text() == "an hour of work"


def test_a_file_that_scores_differently_fails_the_run_and_stays(command, tmp_path, monkeypatch):
    """No export differs by itself."""
    real = formats.FORMATS["float32"]

    def spoiled(source, path):
        weights = source.folded.get_weights()
        source.folded.set_weights([np.zeros_like(w) for w in weights])
        real.write(source, path)

    monkeypatch.setitem(formats.FORMATS, "float32", real._replace(write=spoiled))
    with pytest.raises(
        InputError, match=r"model\.tflite scores .* points apart: do not use this file"
    ):
        # All images to train on, and the default run folder.
        command(
            "--dataset=digits", "--image_size=8", "--model=resnet8", "--epochs=2",
            "--batch_size=64", "--validation_fraction=0", "--blocks=1", "--widths=16",
        )  # fmt: skip
    folder = tmp_path / "saved_models" / "resnet8_digits"
    assert (folder / "model.tflite").exists()
    assert (folder / "curves.png").exists()
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], record["recipe"]["validation_fraction"]) == ("failed", 0)
    assert record["test"]["keras"]["accuracy"] > record["test"]["float32"]["accuracy"]


def test_from_the_shell_an_error_is_one_line_and_exit_code_1(python, tmp_path):
    done = python(
        "-m", "train.cifar", f"--data_dir={tmp_path}", f"--output_dir={tmp_path}/run", check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: no cifar10 data in {tmp_path}/cifar10")


def test_from_python_the_record_comes_back(tmp_path, monkeypatch, capsys):
    """As in a notebook."""
    monkeypatch.setattr("sys.argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    settings = {"dataset": "digits", "model": "resnet8", "image_size": 8, "epochs": 1}
    settings |= {"class_weight": "balanced", "blocks": "1", "widths": "16"}
    record = cifar.run(**settings, output_dir=tmp_path / "run")
    assert record == json.loads((tmp_path / "run/run.json").read_text())
    assert record["status"] == "finished"
    assert record["data"]["image_size"] == 8
    accuracy = record["test"]["keras"]["accuracy"]
    printed = capsys.readouterr().out
    assert "resnet8 blocks=1 widths=16 for 10 classes of digits: " in printed
    assert re.search(rf"^accuracy .*: {100 * accuracy:.2f} % \([\d.]+ to [\d.]+\)$", printed, re.M)
    (weakest,) = re.findall(r"^weakest classes: (.*)$", printed, re.M)
    classes = re.findall(r"(\d) ([\d.]+) % \(", weakest)
    recalls = [float(recall) for _, recall in classes]
    assert (len(classes), recalls) == (3, sorted(recalls))
    with pytest.raises(InputError, match="already holds this run, finished"):
        cifar.run(**settings, output_dir=tmp_path / "run")


def test_a_run_goes_on_from_the_weights_of_another(digits_run, record, tmp_path, capsys):
    settings = {"dataset": "digits", "image_size": 8, "output_dir": tmp_path / "run"}
    again = cifar.run(**settings, weights=digits_run, epochs=1, validation_fraction=0, onnx=True)
    assert again["test"]["onnx"]["accuracy"] == again["test"]["keras"]["accuracy"]
    assert again["test"]["onnx"]["max_difference"] < 1e-4
    assert again["weights"] == {
        "source": str(digits_run), "sha256": record["files"]["model.weights.h5"], "head": "kept",
    }  # fmt: skip
    assert again["network"]["widths"] == record["network"]["widths"]
    assert again["normalization"] == record["normalization"]
    assert f"begins from {digits_run} with its head; images are RGB" in capsys.readouterr().out
    # Without these weights it is another run; with more epochs, one that goes on elsewhere.
    with pytest.raises(InputError, match="holds another run"):
        cifar.run(**settings, epochs=1, validation_fraction=0)
    with pytest.raises(InputError, match=f"another --output_dir, and add --weights={tmp_path}/run"):
        cifar.run(**settings, weights=digits_run, epochs=2, validation_fraction=0)


def test_weights_that_cannot_be_are_named(command, digits_run, tmp_path):
    for weights, message in {
        "missing.safetensors": "cannot read weights from 'missing.safetensors': there is no such",
        str(digits_run / "model.keras"): "does not say what network it is of: .*--model=resnet50",
        "hf://resnet18": "is no place on the Hugging Face Hub",
    }.items():
        with pytest.raises(InputError, match=message):
            command("--dataset=digits", f"--weights={weights}")
    with pytest.raises(InputError, match=r"network with blocks .*: leave the network out, as"):
        command("--dataset=digits", "--model=resnet20", f"--weights={digits_run}")
    with pytest.raises(InputError, match="how its images are prepared: leave --subtract_mean out"):
        command("--dataset=digits", f"--weights={digits_run}", "--subtract_mean=false")
    assert not list(tmp_path.iterdir())
