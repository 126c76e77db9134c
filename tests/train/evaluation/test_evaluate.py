"""The command as a user runs it."""

import csv
import json
import re
import shutil
from functools import partial

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet
from keras_resnet import InputError
from train import evaluate
from train.data import sources
from train.evaluation import scores
from train.evaluation.ensemble import Ensemble, average_model
from train.evaluation.opening import open_subject
from train.evaluation.record import read_evaluation
from train.evaluation.subject import resize_model
from train.runs import folder as folders
from train.settings.data import DataSettings

PRETRAINED = "saved_models/pretrained"


@pytest.fixture
def command(command):
    return partial(command, evaluate)


@pytest.fixture(scope="session")
def other(tmp_path_factory):
    """A network of digits that was not trained, as a file."""
    path = tmp_path_factory.mktemp("other") / "other.keras"
    keras.utils.set_random_seed(1)
    keras_resnet.ResNet8(width_multiplier=0.25).save(path)
    return path


def test_a_run_is_evaluated_on_its_own_test_images(digits_run, command, capsys, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    folder = run / "evaluation"
    by_training = read_evaluation(folder)  # from what its scores found
    (folder / "predictions.safetensors").unlink()
    (record,) = command(run)
    for part in ("top1", "per_class", "confusion"):
        assert record[part] == by_training[part]
    assert record["crossentropy"] == pytest.approx(by_training["crossentropy"], rel=1e-5)
    assert read_evaluation(folder) == json.loads(json.dumps(record))
    trained = json.loads((run / "run.json").read_text())
    assert record["top1"]["value"] == trained["test"]["keras"]["accuracy"]
    assert record["crossentropy"] == pytest.approx(trained["test"]["keras"]["crossentropy"])
    assert record["data"]["sha256"] == trained["data"]["sha256"]
    assert (record["data"]["images"], record["subject"]["kind"]) == (359, "run")
    # 143 of 1,438 training images were held out: neither trained on nor scored.
    mended = record["calibration"]
    assert (mended["fitted_on"], mended["seen"]) == (144, False)
    assert np.sum(record["confusion"]) == sum(row["support"] for row in record["per_class"]) == 359
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "evaluation.json", "results.csv", "README.md", "predictions.safetensors",
    }  # fmt: skip
    printed = capsys.readouterr().out
    top1 = f"{100 * record['top1']['value']:.2f} %"
    assert re.search(rf"run \(keras\), 359 test images of digits\n  top-1 +{top1}", printed)
    assert "may have seen" not in printed
    # The folder is still that of a run.
    with (
        pytest.raises(InputError, match="already holds this run, finished"),
        folders.record_run(run, {"status": "finished"}, False),
    ):
        pass


def test_a_file_of_any_image_size_has_no_number_of_operations(tmp_path):
    keras_resnet.ResNet8(input_shape=(None, None, 3)).save(tmp_path / "any.keras")
    subject = open_subject(str(tmp_path / "any.keras"))
    assert (subject.shape, subject.macs, subject.parameters) == (None, None, 75_290)
    backbone = keras_resnet.ResNet8(include_top=False)  # takes any size, in a model of one
    pooled = keras.layers.GlobalAveragePooling2D()
    keras.Sequential([keras.Input((8, 8, 3)), backbone, pooled]).save(tmp_path / "one.keras")
    subject = open_subject(str(tmp_path / "one.keras"))
    assert (subject.shape, subject.macs) == ((8, 8, 3), None)


def test_another_format_of_a_run_is_evaluated_beside_it(digits_run, command, tmp_path):
    run = shutil.copytree(digits_run, tmp_path / "run")
    before = read_evaluation(run / "evaluation")
    (record,) = command(run, "--format=float32")
    assert read_evaluation(run / "evaluation/float32") == json.loads(json.dumps(record))
    assert record["subject"]["format"] == "float32"
    assert record["top1"] == before["top1"]
    assert read_evaluation(run / "evaluation") == before


def test_a_run_is_evaluated_on_its_own_images_framed_otherwise(digits_run, command, tmp_path):
    """What it held out is known although the pixels, and their SHA-256, are others."""
    for name in ("model.weights.h5", "labels.txt"):
        shutil.copy(digits_run / name, tmp_path)
    run = json.loads((digits_run / "run.json").read_text())
    run["data"] |= {"image_size": 16, "sha256": "0" * 64}
    run["recipe"]["validation_fraction"] = 0.2
    (tmp_path / "run.json").write_text(json.dumps(run))
    (record,) = command(tmp_path, "--image_size=32")
    assert record["top1"] == read_evaluation(digits_run / "evaluation")["top1"]
    assert (record["calibration"]["fitted_on"], record["calibration"]["seen"]) == (288, False)


def test_images_given_by_their_folder_are_framed_as_the_runs_are(digits_run, command, tmp_path):
    run, photos = tmp_path / "run", tmp_path / "photos"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 24, 48, 3), np.uint8)
    for number, image in enumerate(pixels):
        path = photos / str(number % 10) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    run.mkdir()
    for name in ("model.weights.h5", "labels.txt"):
        shutil.copy(digits_run / name, run)
    data = sources.load(DataSettings(dataset=str(photos), resize="pad"), 32)
    record = json.loads((digits_run / "run.json").read_text()) | {
        "data": data.record(),
        "source": {"dataset": str(photos), "data_dir": ""},
    }
    (run / "run.json").write_text(json.dumps(record))
    (own,) = command(run)
    (given,) = command(run, f"--dataset={photos}")
    assert given["data"] == own["data"]
    assert given["crossentropy"] == own["crossentropy"]


def test_a_run_that_others_write_to_is_left_alone(digits_run, command, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    with folders.claim_folder(run):
        refuse(command, f"another process is writing to {run}", run)
    command(run)


def test_two_are_compared_in_a_sentence(digits_run, other, command, capsys, tmp_path):
    out = tmp_path / "out"
    records = command(digits_run, digits_run / "model.tflite", other, f"--output_dir={out}")
    names = [digits_run.name, f"{digits_run.name}/model.tflite", "other.keras"]
    assert [record["subject"]["name"] for record in records] == names
    first, second, third = (record["top1"]["value"] for record in records)
    assert first == second > third
    assert records[1]["subject"]["macs"] == records[0]["subject"]["macs"]
    spec = keras_resnet.cifar(8, width_multiplier=0.25)
    assert records[2]["subject"]["parameters"] == keras_resnet.parameters(spec)
    mistakes = [(row["label"], row["prediction"]) for row in records[2]["mistakes"]]
    for true, predicted, count in scores.confusions(records[2]["confusion"], 10):
        assert mistakes.count((true, predicted)) >= min(count, 4)
    printed = capsys.readouterr().out
    assert f"The data support that {names[0]} is better than other.keras: " in printed
    assert f"The data do not support that {names[0]} is better than {names[1]}: " in printed
    found = json.loads((out / "comparison.json").read_text())["comparisons"]
    assert [row["supported"] for row in found] == [False, True, True]
    with open(out / "results.csv", newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == names
    assert (out / "other.keras" / "evaluation.json").exists()
    command(digits_run, other, "--ensemble", f"--output_dir={out}")  # in the same folder, and back
    command(digits_run, other, f"--output_dir={out}")
    assert not (out / "evaluation.json").exists()
    command(digits_run / "model.tflite", f"--output_dir={out}")
    assert (out / "evaluation.json").exists() and not (out / "comparison.json").exists()


def test_runs_that_differ_in_the_seed_are_put_together(digits_run, capsys, tmp_path):
    """As far as the record tells: the weights are the same."""
    folders = [tmp_path / name for name in "ab"]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        for name in ("model.weights.h5", "labels.txt"):
            shutil.copy(digits_run / name, folder)
        record = json.loads((digits_run / "run.json").read_text())
        record["recipe"]["seed"] = seed
        (folder / "run.json").write_text(json.dumps(record))
    first, _ = evaluate.run(run=",".join(map(str, folders)), output_dir=tmp_path / "out")
    printed = capsys.readouterr().out
    assert f"Over 2 seeds of one recipe: {100 * first['top1']['value']:.2f} ± 0.00 %" in printed
    (row,) = json.loads((tmp_path / "out/comparison.json").read_text())["seeds"]
    assert row["values"] == [first["top1"]["value"]] * 2


def test_an_ensemble_is_scored_and_saved_as_one_model(digits_run, other, command, capsys, tmp_path):
    saved, out = tmp_path / "saved", tmp_path / "out"
    (record,) = command(digits_run, other, f"--save_ensemble={saved}", f"--output_dir={out}",
                        "--member_weights=fitted", "--resize=pad")  # fmt: skip
    assert json.loads((saved / "framing.json").read_text())["resize"] == "pad"
    assert record["subject"]["kind"] == "ensemble"
    better, worse = record["members"]
    assert better["weight"] > 0.9
    assert better["weight"] + worse["weight"] == pytest.approx(1)
    assert better["top1"]["value"] > worse["top1"]["value"]
    whole = record["top1"]["value"]
    assert better["marginal"] == pytest.approx(whole - worse["top1"]["value"])
    assert record["subject"]["macs"] == sum(
        open_subject(str(path)).macs for path in (digits_run, other)
    )
    printed = capsys.readouterr().out
    for file in ("model.keras", "saved_model", "model.tflite"):
        assert f"{file:14} {whole:.2%} of 359 test images" in printed
        assert (saved / file).exists()
    (again,) = command(
        saved / "model.keras", "--dataset=digits", f"--output_dir={tmp_path / 'again'}"
    )
    assert again["top1"] == record["top1"]
    assert again["crossentropy"] == pytest.approx(record["crossentropy"], rel=1e-4)
    assert again["subject"]["macs"] == record["subject"]["macs"]


def test_the_average_has_the_members_weights_and_stays_one_network(digits_run, other):
    members = [open_subject(str(path)) for path in (digits_run, other, other)]
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    model = average_model(Ensemble(tuple(members), (0.5, 0.3, 0.2)))
    expected = np.average([member.predict(images) for member in members], 0, [0.5, 0.3, 0.2])
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-6)
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)


def test_several_scales_need_a_network_that_is_fully_convolutional(digits_run, command, tmp_path):
    out = f"--output_dir={tmp_path}"
    (record,) = command(digits_run, "--views=scales", out)
    scales, one = record["views"]
    assert (scales["name"], one["name"]) == ("scales", "one")
    assert record["top1"] == scales["top1"]
    assert 2.5 < scales["macs"] / one["macs"] < 3.5
    with pytest.raises(InputError, match=r"of its own size only: .* --format=keras"):
        command(digits_run, "--views=scales", "--format=float32", out)
    flat = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="is not fully convolutional"):
        resize_model(flat, 2.0)


def test_a_named_network_has_its_own_normalization():
    named = open_subject("resnet20", weights="cifar10")
    shipped = open_subject(f"{PRETRAINED}/resnet20_cifar10")
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    np.testing.assert_allclose(named.predict(images), shipped.predict(images), atol=1e-4)
    assert (named.macs, named.parameters) == (shipped.macs, shipped.parameters)


def test_a_file_without_its_run_tells_of_itself_what_it_can(digits_run, tmp_path):
    lone = shutil.copy(digits_run / "model.tflite", tmp_path / "lone.tflite")
    found = open_subject(str(lone))
    assert (found.name, found.kind, found.format) == ("lone.tflite", "file", "tflite")
    assert (found.shape, found.classes) == ((32, 32, 3), tuple("0123456789"))
    assert (found.macs, found.parameters, found.run) == (None, None, None)
    saved = open_subject(str(shutil.copytree(digits_run / "saved_model", tmp_path / "served")))
    assert (saved.format, saved.shape) == ("saved_model", None)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    np.testing.assert_allclose(saved.predict(images), found.predict(images), atol=1e-5)


def refuse(command, message, *arguments):
    with pytest.raises(InputError, match=message):
        command(*arguments)


def test_bad_input_is_named_before_anything_is_written(digits_run, other, command, tmp_path):
    out = f"--output_dir={tmp_path / 'out'}"
    refuse(command, "say what to evaluate")
    refuse(command, r"no such network: did you mean 'resnet20'\? Give", "resnet21", out)
    refuse(command, "resnet20 has random weights: say which", "resnet20", out)
    refuse(command, "unknown format 'int9'", digits_run, "--format=int9", out)
    refuse(
        command,
        r"no .*model_int8\.tflite: make it with train\.export",
        digits_run,
        "--format=int8",
        out,
    )
    refuse(command, "--weights is for named networks, and other.keras has its own", other,
           "--weights=cifar10", out)  # fmt: skip
    refuse(command, "--format is for run folders, and other.keras has its own", other,
           "--format=int8", out)  # fmt: skip
    refuse(command, "is too long for a path", "a" * 300, out)
    refuse(command, "is a run folder: choose another --output_dir", digits_run,
           f"--output_dir={digits_run}")  # fmt: skip
    refuse(command, "unknown view 'siz'", digits_run, "--views=siz", out)
    refuse(command, "those of digits are of other classes", digits_run, "--views=six", out)
    refuse(command, "an ensemble has at least two members", digits_run, "--ensemble", out)
    refuse(command, "holds a run or a member, whose files would be lost", digits_run, other,
           f"--save_ensemble={digits_run}", out)  # fmt: skip
    for files in ((digits_run, digits_run / "model.tflite"), (digits_run / "saved_model", other)):
        refuse(command, r"(model\.tflite|saved_model) is no Keras model", *files,
               f"--save_ensemble={tmp_path / 'saved'}", out)  # fmt: skip
    refuse(command, "holds a run or a member", digits_run, other,
           f"--save_ensemble={other.parent}", out)  # fmt: skip
    (tmp_path / "README.md").write_text("mine")
    refuse(command, r"README\.md is of no evaluation: choose another", digits_run,
           f"--output_dir={tmp_path}")  # fmt: skip
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "labels.txt").write_text("mine")
    refuse(command, r"saved holds labels\.txt: choose another --save_ensemble", digits_run, other,
           f"--save_ensemble={tmp_path / 'saved'}", out)  # fmt: skip
    refuse(command, r"cannot write to .*labels\.txt/x", digits_run, other,
           f"--save_ensemble={tmp_path / 'saved/labels.txt/x'}", out)  # fmt: skip
    assert not (tmp_path / "out").exists()  # so that nothing was scored
    image = keras.Input((32, 32, 3))
    flat = keras.layers.Flatten()(image)
    heads = keras.Model(image, [keras.layers.Dense(10)(flat) for _ in range(2)])
    heads.save(tmp_path / "heads.keras")
    refuse(command, r"heads\.keras has 2 outputs, and what is evaluated has one",
           tmp_path / "heads.keras", "--dataset=digits", out)  # fmt: skip
    refuse(command, "neither a run folder nor a SavedModel", "README.md", out)
    (tmp_path / "broken.keras").write_bytes(b"no model")
    refuse(command, r"cannot read .*broken\.keras", tmp_path / "broken.keras", out)
    (tmp_path / "broken.tflite").write_bytes(b"no model")
    refuse(command, r"cannot read .*broken\.tflite", tmp_path / "broken.tflite", out)
    refuse(command, r"cannot classify images \(8, 8, 3\)", other, "--dataset=digits",
           "--image_size=8", out)  # fmt: skip
    refuse(command, "tells airplane, automobile, bird and 7 more apart, and digits has 0, 1, 2",
           f"{PRETRAINED}/lean_cifar10", "--dataset=digits", out)  # fmt: skip
    assert not list(tmp_path.rglob("evaluation.json"))


@pytest.mark.parametrize("activation", [None, pytest.param("sigmoid", marks=pytest.mark.slow)])
def test_logits_and_sigmoids_say_what_softmax_says(
    activation, digits_run, command, capsys, tmp_path
):
    whole = keras.saving.load_model(digits_run / "model.keras")
    last = whole.layers[-1]
    head = keras.layers.Dense(10, activation, name="head")
    path = tmp_path / "other.keras"
    model = keras.Model(whole.inputs, head(last.input))
    head.set_weights(last.get_weights())
    model.save(path)
    out = f"--output_dir={tmp_path / 'out'}"
    one, other = command(digits_run, path, out)
    name = activation or "logits"
    assert (one["subject"]["head"], other["subject"]["head"]) == ("softmax", name)
    assert re.search(rf"\n  outputs +{name}", capsys.readouterr().out)
    assert other["confusion"] == one["confusion"]
    assert other["crossentropy"] == pytest.approx(one["crossentropy"], rel=1e-3)
    refuse(command, r"other\.keras are no probabilities of exclusive classes", digits_run, path,
           f"--save_ensemble={tmp_path / 'saved'}", out)  # fmt: skip
