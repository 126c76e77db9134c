"""From a folder of photographs to files for phones, with the weights of this package."""

import io
import json
from contextlib import redirect_stdout

import numpy as np
import pytest
from PIL import Image

from keras_resnet.utils.errors import InputError
from train import finetune
from train.measure.comparison import check_drops

COLORS = {"blue": (40, 60, 200), "red": (200, 60, 40)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """40 photographs of two classes that a color tells apart."""
    root = tmp_path_factory.mktemp("made") / "paint"
    draw = np.random.default_rng(0)
    for name, color in COLORS.items():
        (root / name).mkdir(parents=True)
        for number in range(20):
            pixels = draw.normal(color, 25, (40, 30, 3)).clip(0, 255).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def test_photographs_must_be_named():
    with pytest.raises(InputError, match="say which photographs: --dataset=FOLDER"):
        finetune.run()


def test_what_is_of_no_folder_is_no_flag():
    with pytest.raises(InputError, match="unknown argument 'data_dir'"):
        finetune.run(dataset="photos", data_dir="there")


def test_what_is_missing_is_named_before_anything_is_computed(photos, tmp_path):
    with pytest.raises(InputError, match="no folder 'photos': check --dataset"):
        finetune.run(dataset="photos")
    gone = str(tmp_path / "gone.keras")
    with pytest.raises(InputError, match=r"gone\.keras'?: there is no such file or folder"):
        finetune.run(dataset=str(photos), weights=gone)


@pytest.fixture(scope="module")
def settings(photos):
    return {
        "dataset": str(photos), "model": "resnet20", "weights": "cifar10", "image_size": 16,
        "epochs": 1, "frozen_stages": 3, "crop_padding": 2,
        "validation_fraction": 0.3,
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(settings, tmp_path_factory):
    """The folder of a run, and what was printed."""
    place, said = tmp_path_factory.mktemp("finetuned"), io.StringIO()
    with redirect_stdout(said):
        finetune.run(output_dir=str(place / "run"), **settings)
    return place / "run", said.getvalue()


def test_from_a_folder_to_a_phone(run):
    folder, said = run
    record = json.loads((folder / "run.json").read_text())
    assert "class  training  validation  test" in said
    assert record["recipe"]["freeze_batchnorm"] and record["recipe"]["frozen_stages"] == 3
    assert record["head"]["val_accuracy"] == 1.0
    assert {row["accuracy"] for row in record["test"].values()} == {1.0}
    assert record["recall"] == {"blue": 1.0, "red": 1.0}
    assert record["plan"] == {"minutes": 20.0, "head_only": False}
    report = json.loads((folder / "export.json").read_text())
    assert report["formats"]["int8"]["accuracy"] == 1.0
    assert (folder / "labels.txt").read_text().split() == ["blue", "red"]
    framing = json.loads((folder / "framing.json").read_text())
    assert framing == {"height": 16, "width": 16, "resize": "pad", "crop_ratio": 1.0}
    assert (folder / "report.html").exists()
    assert "class  test images  recall  precision" in said
    counts = record["survey"]["counts"]["test"]
    assert f"red    {counts[1]:11}  100.0%     100.0%" in said


def test_what_would_lose_a_run_is_refused_before_features_are_computed(
    run, photos, settings, tmp_path, capsys
):
    folder = str(run[0])
    again = {"dataset": str(photos), "weights": folder}
    with pytest.raises(InputError, match="is where the weights are that it begins from"):
        finetune.run(output_dir=folder, overwrite=True, **again)
    with pytest.raises(InputError, match="epochs is for the stages below the head: leave out"):
        finetune.run(output_dir=str(tmp_path / "x"), epochs=2, head_only=True, **again)
    for name, value in (("mixup", 0.5), ("minutes", 5.0)):
        with pytest.raises(InputError, match=f"{name} is for the stages below the head: leave ou"):
            finetune.run(output_dir=str(tmp_path / "x"), head_only=True, **{name: value}, **again)
    with pytest.raises(InputError, match="min_area is for the crop area, and this is pad"):
        finetune.run(output_dir=str(tmp_path / "x"), min_area=0.5, **again)
    with pytest.raises(InputError, match=r"already holds another run \(plan\."):
        finetune.run(output_dir=folder, minutes=5, **settings)
    with pytest.raises(InputError, match="already holds this run, finished"):
        finetune.run(output_dir=folder, **settings)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'notes\.txt', which does not belong to a run"):
        finetune.run(output_dir=str(tmp_path / "own"), overwrite=True, **settings)
    assert "new features" not in capsys.readouterr().out


@pytest.mark.parametrize(("images", "most"), [(1, 100), (10, 20), (30, 6.666667), (1000, 2)])
def test_an_int8_file_may_lose_two_points_or_two_right_answers(images, most):
    assert finetune.max_drop(images) == most
    lost = {"file": "model_int8.tflite", "drop": round(100 * min(2, images) / images, 6)}
    check_drops({"int8": lost}, finetune.max_drop(images))


@pytest.mark.slow
def test_a_head_on_a_run_sees_images_as_that_one(run, photos, tmp_path):
    again = {"dataset": str(photos), "weights": str(run[0]), "head_only": True}
    record = finetune.run(output_dir=str(tmp_path / "alone"), **again)
    assert (record["data"]["image_size"], record["delivered_epoch"]) == (16, 0)
    assert record["weights"]["head"] == "new"  # as one is fitted, although the classes are the same
    assert record["test"]["keras"]["accuracy"] == 1.0


@pytest.mark.slow
def test_it_runs_on_jax_as_well_and_so_does_its_evaluation(settings, fresh_python, tmp_path):
    env = {"KERAS_BACKEND": "jax", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    flags = (f"--{name}={value}" for name, value in settings.items())
    run = str(tmp_path / "run")
    said = fresh_python("-m", "train.finetune", *flags, f"--output_dir={run}", **env).stdout
    assert "head alone: 100.00% of" in said and "Other files: KERAS_BACKEND=tensorflow" in said
    out = f"--output_dir={tmp_path / 'evaluation'}"
    assert "100.00 %" in fresh_python("-m", "train.evaluate", run, out, **env).stdout
