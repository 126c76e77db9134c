"""A page that cannot be written spoils nothing, and says so."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_resnet import families
from tests.toy_family import Toy, register
from train.data import sources
from train.evaluation import attempt
from train.evaluation.attempt import try_evaluation, try_report
from train.evaluation.record import read_evaluation
from train.runs.folder import claim_folder
from train.settings.data import DataSettings
from train.utils.stop_signals import Stopped


def test_it_says_where_the_page_is(digits_run, tmp_path):
    for name in ("run.json", "history.csv"):
        shutil.copy(digits_run / name, tmp_path)
    assert try_report(tmp_path) == f"Report: {tmp_path / 'report.html'}"
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_it_says_why_there_is_none(tmp_path):
    (tmp_path / "report.html").mkdir()
    said = try_report(tmp_path)
    assert said == (
        f"There is no {tmp_path / 'report.html'} ({tmp_path / 'report.html'} is a folder: give the "
        "name of a file); all else is finished."
    )
    with claim_folder(tmp_path):
        assert "another process is writing" in try_report(tmp_path)
    damaged = {"subject": {"name": "x"}}
    (tmp_path / "report.html").rmdir()
    assert "KeyError" in try_report(tmp_path, evaluation=damaged)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock"]


def test_a_folder_without_a_name_has_a_page(digits_run, tmp_path, monkeypatch):
    shutil.copytree(digits_run, tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    assert try_report(Path(".")).startswith("Report: ")
    page = (tmp_path / "run/report.html").read_text()
    assert f"{tmp_path / 'run_again'}" in page


@pytest.mark.parametrize("held_out", [True, False])
def test_the_page_says_if_nothing_was_held_out(held_out, digits_run, tmp_path):
    record = json.loads((digits_run / "run.json").read_text())
    assert "val_accuracy" in record["last_epoch"]
    if not held_out:
        del record["last_epoch"]["val_accuracy"]
    record["recipe"]["validation_fraction"] = 0.0  # data may bring images to hold out
    (tmp_path / "run.json").write_text(json.dumps(record))
    try_report(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert ("No training images were held out" in page) != held_out


def test_a_signal_after_the_training_ends_the_evaluation_alone(
    digits_run, tmp_path, monkeypatch, capsys
):
    """The command of the training would not go on from there."""
    folder = tmp_path / "run"
    shutil.copytree(digits_run, folder)
    data = sources.load(DataSettings("digits"), 32)

    def stop(*arguments, **settings):
        raise Stopped("SIGTERM: stopped after 100 images.")

    monkeypatch.setattr(attempt, "evaluate", stop)
    said = try_evaluation(folder, data, np.eye(10, dtype=np.float32)[data.test.labels])
    assert said == f"Report: {folder / 'report.html'}"
    again = f"python -m train.evaluate {folder} goes on from there."
    assert capsys.readouterr().out == f"SIGTERM: stopped after 100 images. {again}\n"


def test_the_command_that_evaluates_again_can_be_pasted(digits_run, tmp_path):
    folder = tmp_path / "my run"
    shutil.copytree(digits_run, folder)
    data = sources.load(DataSettings("digits"), 32)
    try_evaluation(folder, data, np.eye(10, dtype=np.float32)[data.test.labels])
    record = read_evaluation(folder / "evaluation")
    assert record["command"] == f"python -m train.evaluate '{folder}'"


def test_a_network_without_stages_has_its_costs(digits_run, tmp_path, monkeypatch):
    register(monkeypatch)
    record = json.loads((digits_run / "run.json").read_text())
    record |= {"model": "toy", "network": families.to_json(Toy(filters=16))}
    (tmp_path / "run.json").write_text(json.dumps(record))
    assert try_report(tmp_path).startswith("Report: ")
    page = (tmp_path / "report.html").read_text()
    assert '<section id="network"' in page
    assert "<dt>filters</dt><dd>16</dd>" in page
    assert "train.cifar" not in page.split("</header>")[0]  # no command can repeat it
