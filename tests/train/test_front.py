"""What a search found, as files."""

import csv
import json
from dataclasses import asdict

import pytest
from PIL import Image

from keras_resnet import Spec, cifar
from train import flags, front, run
from train.budget import Budget
from train.recipe import FAST

FOUND = {  # accuracy, parameters, MACs, bytes, milliseconds
    "0": (0.80, 100, 1000, 300, 0.5),
    "1": (0.90, 200, 2000, 500, 0.9),
    "2": (0.85, 250, 2500, 600, 1.0),  # trial 1 is better in everything
    "3": (0.85, 150, 3000, 400, 0.8),
}


COSTS = ["params", "macs", "int8_bytes", "latency_ms"]


@pytest.fixture
def folder(tmp_path):
    for name, (accuracy, *costs) in FOUND.items():
        trial(tmp_path, name, {
            "status": "finished", "seconds": 12.34, "last_epoch": {"val_accuracy": accuracy},
            "costs": dict(zip(COSTS, costs, strict=True)),
        })  # fmt: skip
    trial(tmp_path, "4", {"status": "failed", "reason": "the loss became nan"})
    return tmp_path


def trial(folder, name, outcome):
    spec, recipe = asdict(cifar(8, shortcut="B")), asdict(FAST)
    run.write_json(
        folder / "trials" / name / "run.json",
        {"spec": spec, "recipe": recipe, "dataset": {"name": "x", "sha256": ""}} | outcome,
    )


def test_the_leaderboard_ranks_and_says_why_trials_failed(folder):
    front.write(folder, front.rows(folder))
    with open(folder / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["1", "2", "3", "0", "4"]
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", ""]
    assert [row["on_front"] for row in rows] == ["True", "False", "True", "True", ""]
    assert rows[0]["int8_bytes"] == "500"
    assert rows[0]["units"] == "1-1-1"
    assert rows[-1]["reason"] == "the loss became nan"
    assert "momentum" not in rows[0]  # the same in all


def test_what_differs_has_a_column_and_a_damaged_record_none(folder, capsys):
    record = run.read_record(folder / "trials" / "0")
    record["recipe"]["momentum"] = 0.5
    run.write_record(folder / "trials" / "0", record)
    (folder / "trials" / "2" / "run.json").write_text("{")
    front.write(folder, front.rows(folder))
    with open(folder / "leaderboard.csv", newline="") as file:
        rows = {row["trial"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"0", "1", "3", "4"}
    assert (rows["0"]["momentum"], rows["1"]["momentum"]) == ("0.5", "0.9")
    assert "run.json is damaged" in capsys.readouterr().out


def test_beside_a_rival_only_the_time_in_turn_counts(tmp_path):
    for name, (accuracy, slow, relative) in {"0": (0.9, 0.3, 0.8), "1": (0.8, 0.2, 0.9)}.items():
        costs = dict(zip([*COSTS, "relative"], (9, 9, 9, slow, relative), strict=True))
        outcome = {"seconds": 1.0, "last_epoch": {"val_accuracy": accuracy}, "costs": costs}
        trial(tmp_path, name, {"status": "finished", **outcome})
    front.write(tmp_path, front.rows(tmp_path))
    with open(tmp_path / "leaderboard.csv", newline="") as file:
        rows = {row["trial"]: row for row in csv.DictReader(file)}
    assert (rows["0"]["on_front"], rows["1"]["on_front"]) == ("True", "False")
    assert rows["0"]["relative"] == "0.8"


def test_the_best_is_what_a_training_begins_with(folder):
    front.write(folder, front.rows(folder))
    best = json.loads((folder / "best.json").read_text())
    assert (best["trial"], best["val_accuracy"]) == ("1", 0.9)
    assert flags.read_spec(folder / "best.json") == (cifar(8, shortcut="B"), FAST)


@pytest.mark.parametrize("dataset", ["cifar10", "digits"])
def test_the_picture_shows_trials_limits_and_published_networks(folder, dataset):
    asked = []

    class Costs:
        def all(self, spec: Spec):
            asked.append(spec)
            return dict.fromkeys(front.COSTS, 1000)

    front.draw(folder, front.rows(folder), Budget(max_params=220), Costs(), dataset)
    assert len(asked) == (len(front.PUBLISHED) if dataset == "cifar10" else 0)
    with Image.open(folder / "pareto.png") as picture:
        assert picture.size == (1440, 1008)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
    assert ((214, 39, 40) in colours) and ((31, 119, 180) in colours)
    assert ((255, 127, 14) in colours) == (dataset == "cifar10")
