"""What a search found, as files."""

import csv
import json
import re
from dataclasses import asdict

import pytest
from PIL import Image

from keras_resnet import Spec, cifar, families
from keras_resnet.utils.schema import write_json
from train import flags
from train.runs.record import read_record, write_record
from train.search import leaderboard
from train.search.budget import COSTS as LIMITS
from train.search.budget import Budget
from train.search.pareto_plot import PUBLISHED, plot_pareto
from train.settings.recipes import FAST

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
    network, recipe = families.to_json(cifar(8, shortcut="B")), asdict(FAST)
    write_json(
        folder / "trials" / name / "run.json",
        {
            "network": network,
            "recipe": recipe,
            "model": "x",
            "data": {"name": "x", "image_size": 32, "sha256": ""},
        }
        | outcome,
    )


def test_the_leaderboard_ranks_and_says_why_trials_failed(folder):
    leaderboard.write(folder, leaderboard.rows(folder))
    with open(folder / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["1", "2", "3", "0", "4"]
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", ""]
    assert [row["on_front"] for row in rows] == ["True", "False", "True", "True", ""]
    assert rows[0]["int8_bytes"] == "500"
    assert rows[0]["blocks"] == "1-1-1"
    assert rows[-1]["reason"] == "the loss became nan"
    assert "momentum" not in rows[0]  # the same in all


def test_what_differs_has_a_column_and_a_damaged_record_none(folder, capsys):
    record = read_record(folder / "trials" / "0")
    record["recipe"]["momentum"] = 0.5
    write_record(folder / "trials" / "0", record)
    (folder / "trials" / "2" / "run.json").write_text("{")
    leaderboard.write(folder, leaderboard.rows(folder))
    with open(folder / "leaderboard.csv", newline="") as file:
        rows = {row["trial"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"0", "1", "3", "4"}
    assert (rows["0"]["momentum"], rows["1"]["momentum"]) == ("0.5", "0.9")
    assert "run.json is damaged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"last_epoch": {}}, r"last_epoch\.val_accuracy is missing"),
        ({"last_epoch": {"val_accuracy": None}}, r"last_epoch\.val_accuracy should be"),
        ({"costs": None}, "costs should be"),
        ({"recipe": {"epochs": 0}}, "epochs must be"),
        ({"network": {"family": "resnet", "blocks": [10**9] * 3}}, "each of blocks must be"),
    ],
)
def test_a_record_of_no_trial_is_left_out(folder, change, sentence, capsys):
    record = json.loads((folder / "trials/0/run.json").read_text())
    write_record(folder / "trials/0", record | change)
    assert [row["trial"] for row in leaderboard.rows(folder)] == ["1", "2", "3", "4"]
    assert re.search(f"left out of the leaderboard: .*{sentence}", capsys.readouterr().out)


def test_fields_that_have_a_default_may_be_missing(folder):
    record = json.loads((folder / "trials/0/run.json").read_text())
    record["recipe"], record["network"] = {}, {"family": "resnet"}
    write_record(folder / "trials/0", record)
    (row,) = [row for row in leaderboard.rows(folder) if row["trial"] == "0"]
    assert (row["epochs"], row["blocks"]) == (10, "3-3-3")


def test_beside_a_reference_only_the_latency_ratio_counts(tmp_path):
    for name, (accuracy, slow, relative) in {"0": (0.9, 0.3, 0.8), "1": (0.8, 0.2, 0.9)}.items():
        costs = dict(zip([*COSTS, "latency_ratio"], (9, 9, 9, slow, relative), strict=True))
        outcome = {"seconds": 1.0, "last_epoch": {"val_accuracy": accuracy}, "costs": costs}
        trial(tmp_path, name, {"status": "finished", **outcome})
    leaderboard.write(tmp_path, leaderboard.rows(tmp_path))
    with open(tmp_path / "leaderboard.csv", newline="") as file:
        rows = {row["trial"]: row for row in csv.DictReader(file)}
    assert (rows["0"]["on_front"], rows["1"]["on_front"]) == ("True", "False")
    assert rows["0"]["latency_ratio"] == "0.8"


def test_the_best_is_what_a_training_begins_with(folder):
    leaderboard.write(folder, leaderboard.rows(folder))
    best = json.loads((folder / "best.json").read_text())
    assert (best["trial"], best["val_accuracy"]) == ("1", 0.9)
    assert flags.read_spec(folder / "best.json") == (cifar(8, shortcut="B"), FAST)


@pytest.mark.parametrize("dataset", ["cifar10", "digits"])
def test_the_picture_shows_trials_limits_and_published_networks(folder, dataset):
    asked = []

    class Costs:
        def known(self, spec: Spec):
            asked.append(spec)
            return dict.fromkeys(LIMITS, 1000)

    plot_pareto(folder, leaderboard.rows(folder), Budget(max_params=220), Costs(), dataset)
    assert len(asked) == (len(PUBLISHED) if dataset == "cifar10" else 0)
    with Image.open(folder / "pareto.png") as picture:
        assert picture.size == (1440, 1008)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
    assert ((214, 39, 40) in colours) and ((31, 119, 180) in colours)
    assert ((255, 127, 14) in colours) == (dataset == "cifar10")


def test_only_the_front_is_measured_when_no_limit_asked_for_it(tmp_path):
    for name, (accuracy, params, macs, *_) in FOUND.items():
        outcome = {"seconds": 1.0, "last_epoch": {"val_accuracy": accuracy}}
        costs = {"params": params, "macs": macs}
        trial(tmp_path, name, {"status": "finished", **outcome, "costs": costs})
    asked = []

    class Meter:
        def all(self, spec):
            asked.append(spec)
            return {"int8_bytes": 7, "latency_ms": 0.1}

    table = leaderboard.rows(tmp_path)
    leaderboard.measure_front(table, tmp_path, Meter())
    assert {row["trial"]: row.get("int8_bytes") for row in table} == {
        "1": 7, "3": 7, "0": 7, "2": None,
    }  # fmt: skip
    assert asked == [cifar(8, shortcut="B")] * 3
