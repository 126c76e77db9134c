"""Experiments: trained, gone on with, divided among workers, and judged, by the real command."""

import csv
import json
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from keras_resnet.imagenet_utils import CIFAR10
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import read_json
from tests.forked import Forked
from train import reproduce
from train.data.dataset import Data, Split
from train.experiments import report
from train.experiments.runs import Runner, all_jobs
from train.settings.execution import Execution
from train.settings.recipe import Recipe

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "experiment": "depth", "budget": "minutes", "dataset": "digits", "image_size": 32,
    "batch_size": 256,
}  # fmt: skip


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow)])
def seeds(request):
    return request.param


@pytest.fixture(scope="module")
def folder(seeds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments") / "depth"
    reproduce.run(output_dir=folder, seeds=seeds, **SETTINGS)
    return folder


def records(folder):
    paths = sorted(folder.glob("runs/*/run.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in paths}


def test_tables_hold_what_the_runs_say(folder, seeds):
    runs = records(folder)
    source = {"dataset": "digits", "data_dir": ""}
    assert all(record["source"] == source for record in runs.values())
    some = range(seeds)
    assert set(runs) == {f"resnet{name}_seed{seed}" for name in ("8", "_14") for seed in some}
    with open(folder / "results.csv", newline="") as file:
        rows = {row["network"]: row for row in csv.DictReader(file)}
    wrong = [100 * (1 - runs[f"resnet8_seed{s}"]["test"]["keras"]["accuracy"]) for s in some]
    assert float(rows["ResNet-8"]["test_error_mean"]) == pytest.approx(sum(wrong) / seeds, abs=1e-3)
    assert rows["ResNet-8"]["n"] == str(seeds)
    page = (folder / "README.md").read_text()
    assert f"| {sum(wrong) / seeds:.2f} {'± ' if seeds > 1 else ''}" in page
    assert (folder / "depth.png").read_bytes().startswith(b"\x89PNG")


def test_the_curve_ends_with_the_test_images(folder):
    for name, record in records(folder).items():
        rows = list(
            csv.DictReader((folder / "runs" / name / "history.csv").read_text().splitlines())
        )
        accuracy = record["test"]["keras"]["accuracy"]
        # Of 360 images, in half precision while training.
        assert float(rows[-1]["val_accuracy"]) == pytest.approx(accuracy, abs=0.02)


def test_what_is_finished_is_not_trained_again(folder, seeds, capsys):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("run.json")}
    reproduce.run(output_dir=folder, seeds=seeds, **SETTINGS)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("run.json")} == before
    assert f"{2 * seeds} trainings, {2 * seeds} of them finished" in capsys.readouterr().out


def test_tables_keep_what_other_experiments_left_in_the_folder(folder, seeds, capsys, tmp_path):
    """One that shares its networks is written as well, and one seed less removes nothing."""
    folder = shutil.copytree(folder, tmp_path / "depth")
    reproduce.run(output_dir=folder, seeds=1, **SETTINGS)
    with open(folder / "results.csv", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [(row["experiment"], row["n"]) for row in rows] == [("depth", str(seeds))] * 2
    capsys.readouterr()
    more = SETTINGS | {"experiment": "comparison", "output_dir": folder, "seeds": 1}
    reproduce.run(dry_run=True, **more)
    said = capsys.readouterr().out
    assert "2 trainings, 1 of them finished" in said and "for one worker on this machine" in said
    reproduce.run(**more)
    with open(folder / "results.csv", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [row["experiment"] for row in rows] == ["depth"] * 2 + ["comparison"] * 2
    page = (folder / "README.md").read_text()
    assert page.count("\n## ") == 3 and "![Errors on ImageNet" in page
    assert "sgd, learning rate 0.1, " in page and "; LeNet-5 at 0.1 of that rate" in page


RECORDED = sorted(path.parent for path in (ROOT / "docs/papers").glob("*/experiments.json"))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda folder: folder.name)
def test_the_recorded_pages_are_what_the_records_say(recorded, tmp_path):
    """No pixel is looked at, as all trainings are there."""
    shutil.copytree(recorded / "runs", tmp_path / "runs")
    asked = read_json(recorded / "experiments.json")
    recipe = Recipe(**asked["recipe"])
    train, test = (
        Split(np.broadcast_to(np.uint8(0), (count, 32, 32, 3)), np.zeros(count, "int32"))
        for count in (50_000, 10_000)
    )
    data = Data(asked["data"]["name"], tuple(CIFAR10), train, test)
    jobs = all_jobs(tmp_path, asked["budget"], recipe, seeds=1)
    runner = Runner(tmp_path, data, Execution(), checkpoint_seconds=0)
    report.write(runner, ["degradation"], asked["budget"], recipe, jobs)
    for name in ("README.md", "results.csv", "claims.csv"):
        assert (tmp_path / name).read_text() == (recorded / name).read_text()
    pictures = {path.name for path in recorded.glob("*.png")}
    assert pictures == {path.name for path in tmp_path.glob("*.png")}


def test_the_readme_has_the_revolution_of_depth_as_the_records_say():
    def rows(file):
        lines = (ROOT / file).read_text().splitlines()
        cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
        return {row[0]: row for row in cells if len(row) > 2 and re.fullmatch(r"\d{4}", row[1])}

    quoted, page = rows("README.md"), rows("docs/papers/quick/README.md")
    assert quoted.keys() == page.keys() and len(page) == 5
    quotes = 0, 1, 2, 3, 4, 6, 7, 8, 10  # columns: no error of the entry, no small form's costs
    for name, cells in quoted.items():
        assert cells == [page[name][column] for column in quotes]


def test_the_first_figure_of_the_readme_is_told_as_the_records_say():
    with open(ROOT / "docs/papers/quick/claims.csv", encoding="utf-8") as file:
        rows = {row["claim"]: row for row in csv.DictReader(file)}
    plain = rows["A plain network of 56 layers has a higher training error than one of 20."]
    residual = rows["A residual network of 56 layers has a lower training error than one of 20."]
    caption = (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    numbers = [
        [f"{float(row[key]):.1f}" for key in ("difference", "low", "high")]
        for row in (plain, residual)
    ]
    (rise, low, high), (fall, least, most) = numbers
    assert f"plain network by {rise} points (95 % interval {low} to {high})" in caption
    assert f"of a residual network by {fall} ({least} to {most}; n = 2;" in caption


def test_what_was_begun_on_another_machine_is_trained_anew(folder, seeds, tmp_path, capsys):
    own = tmp_path / "depth"
    shutil.copytree(folder, own)
    path = own / "runs/resnet8_seed0/run.json"
    record = json.loads(path.read_text()) | {"status": "training"}
    record["execution"]["precision"] = "mixed_float16"
    path.write_text(json.dumps(record))
    reproduce.run(output_dir=own, seeds=seeds, **SETTINGS)
    again = json.loads(path.read_text())
    assert (again["status"], again["execution"]) == (
        "finished",
        records(folder)["resnet8_seed0"]["execution"],
    )
    assert "resnet8_seed0 was begun in another way (execution.precision" in capsys.readouterr().out


def test_other_settings_are_not_mixed_in(folder, seeds, tmp_path):
    with pytest.raises(InputError, match=r"other experiments \(recipe.epochs 1, not 2\)"):
        reproduce.run(output_dir=folder, seeds=seeds, **SETTINGS, epochs=2)
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'README\.md'"):
        reproduce.run(output_dir=tmp_path, **SETTINGS)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_flag_that_the_crop_does_not_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="min_area is for the crop area, and this is pad"):
        reproduce.run(output_dir=tmp_path / "x", min_area=0.5, **SETTINGS)
    assert not (tmp_path / "x").exists()


def test_no_epoch_can_be_chosen_by_the_test_images(tmp_path):
    with pytest.raises(InputError, match="unknown argument 'deliver'"):
        reproduce.run(output_dir=tmp_path / "x", **SETTINGS, deliver="best")
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2], indirect=True)
def test_workers_divide_the_trainings_and_take_up_what_a_dead_one_left(folder, seeds, tmp_path):
    own = tmp_path / "depth"
    words = [f"--{name}={value}" for name, value in SETTINGS.items()]
    words += [f"--seeds={seeds}", f"--output_dir={own}", "--checkpoint_seconds=0"]
    dying, *others = (Forked("-m", "train.reproduce", *words) for _ in range(3))
    claims = "runs/*/.lock"
    while len([*own.glob(claims)]) < 3:  # all are training
        assert dying.poll() is None
        time.sleep(0.02)
    dying.send_signal(signal.SIGKILL)
    said = [worker.communicate() for worker in others]
    assert [worker.returncode for worker in others] == [0, 0], said
    for name, record in records(own).items():
        assert record["status"] == "finished"
        assert sum(f"{name}: training error" in out for out, _ in said) == 1
    alone, divided = (
        [
            row | {"seconds": ""}
            for row in csv.DictReader((place / "results.csv").read_text().splitlines())
            if row["experiment"] == "depth"  # other tests add others to the shared folder
        ]
        for place in (folder, own)
    )
    assert divided == alone
