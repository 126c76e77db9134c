"""The search as a user runs it: `python -m train.tune`, on digits, killed and with many workers."""

import csv
import json
import shutil
import signal
import socket
import time

import pytest

import train.tune
from keras_resnet import InputError
from tests.forked import Forked

TINY = [
    "--dataset=digits", "--image_size=8", "--resize=pad", "--model=resnet8", "--tuner=random",
    "--max_trials=2", "--epochs=2", "--batch_size=128", "--blocks=1", "--block=basic",
    "--width_multiplier=0.2:0.4", "--precision=float32", "--max_params=12000",
    "--checkpoint_seconds=0",
]  # fmt: skip
MEASURED = {
    "latency_ms",
    "latency_ratio",
    "int8_bytes",
    "seconds",
    "on_front",
}  # what differs from run to run


def tune(*arguments, **environment):
    """A search as a process."""
    return Forked("-m", "train.tune", *TINY, *arguments, **environment)


def said(process, code=0):
    output = "".join(process.communicate(timeout=400))
    assert process.returncode == code, output
    return output


def leaderboard(folder):
    with open(folder / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: row[key] for key in row if key not in MEASURED} for row in rows]


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A search that was not disturbed, and what it said."""
    folder = tmp_path_factory.mktemp("search") / "tune"
    return folder, said(tune(f"--output_dir={folder}"))


def test_it_says_how_long_it_takes_what_it_tries_and_what_it_found(search):
    folder, output = search
    assert "for 2 trials of 2 epochs" in output
    lines = [line for line in output.splitlines() if line.startswith("trial ")]
    assert len(lines) == 2  # one a trial in a file
    assert "trial 1, 2 of 2: basic blocks 1-1-1" in lines[1]
    data = "--resize=pad --dataset=digits --image_size=8"
    assert f"python -m train.cifar --spec={folder}/best.json {data} --epochs=100" in output
    assert f"python -m train.export --run={folder}/best --formats=int8\n" in output
    assert "Traceback" not in output


def test_every_trial_is_within_the_budget_and_recorded(search):
    folder, _ = search
    assert json.loads((folder / "search.json").read_text())["max_trials"] == 2
    rows = leaderboard(folder)
    assert sorted(row["trial"] for row in rows) == ["0", "1"]
    assert all(int(row["params"]) <= 12000 for row in rows)
    assert {row["status"] for row in rows} == {"finished"}
    for name in "01":
        record = json.loads((folder / "trials" / name / "run.json").read_text())
        assert "test" not in record  # whose images no trial has seen
        assert record["recipe"]["epochs"] == 2
        assert record["source"] == {"dataset": "digits", "data_dir": ""}


def test_the_same_command_again_repeats_only_the_summary(search):
    folder, output = search
    again = said(tune(f"--output_dir={folder}"))
    assert "trial 0" not in again
    assert output.splitlines()[-5:] == again.splitlines()[-5:]


def test_the_page_shows_the_trials_and_what_trains_the_best(search):
    folder, output = search
    assert output.endswith(f"Report: {folder / 'report.html'}\n")
    page = (folder / "report.html").read_text()
    assert "Search on digits" in page
    for section in ("fronts", "leaderboard", "asked", "limits"):
        assert f'<section id="{section}"' in page
    assert f"--spec=</b>{folder}/best.json" in page


def test_another_search_is_refused_by_name(search, command):
    folder, _ = search
    with pytest.raises(
        InputError, match=r"holds another search \(tuner 'random', not 'bayesian'\)"
    ):
        command(train.tune, *TINY, f"--output_dir={folder}", "--tuner=bayesian")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("--tuner=grid", "unknown tuner 'grid'"),
        ("--model=vgg16", "vgg16 is no residual network"),
        ("--max_params=10", "none is within the budget; a small one has"),
        ("--widths=16/48/16 --shortcut=A", "shortcut A cannot go from"),
    ],
)
def test_what_cannot_be_searched_is_said(command, tmp_path, given, sentence):
    with pytest.raises(InputError, match=sentence):
        command(train.tune, *TINY, f"--output_dir={tmp_path}/tune", *given.split())


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_leaderboard(search, tmp_path):
    folder = tmp_path / "tune"
    waits = ["state/oracle.json", "trials/0/checkpoints", "trials/0/history.csv", "trials/1"]
    for wait in waits:
        process = tune(f"--output_dir={folder}")
        end = time.monotonic() + 200
        while not (folder / wait).exists() and time.monotonic() < end:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    said(tune(f"--output_dir={folder}"))
    assert leaderboard(folder) == leaderboard(search[0])


@pytest.mark.slow
def test_more_trials_later_are_those_of_a_longer_search(search, tmp_path):
    folder = tmp_path / "tune"
    said(tune(f"--output_dir={folder}", "--max_trials=1"))
    first = (folder / "trials/0/run.json").read_bytes()
    assert "trial 0" not in said(tune(f"--output_dir={folder}"))
    assert (folder / "trials/0/run.json").read_bytes() == first
    assert leaderboard(folder) == leaderboard(search[0])


@pytest.mark.slow
def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(tmp_path):
    folder = tmp_path / "tune"
    flags = ["--learning_rate=0.1,1e9", "--optimizer=sgd", "--max_trials=3"]
    output = said(tune(f"--output_dir={folder}", *flags))
    rows = leaderboard(folder)
    failed = [row for row in rows if row["status"] == "failed"]
    assert len(rows) == 3
    assert 0 < len(failed) < 3
    assert all("the loss became" in row["reason"] for row in failed)
    assert "failed: the loss became" in output


@pytest.mark.slow
def test_a_signal_stops_it_and_the_same_command_goes_on(search, tmp_path):
    folder = tmp_path / "tune"
    process = tune(f"--output_dir={folder}")
    while not (folder / "trials/0/history.csv").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    output = said(process, code=75)
    assert "The same command goes on from there." in output
    assert "failed" not in output
    said(tune(f"--output_dir={folder}"))
    assert leaderboard(folder) == leaderboard(search[0])


@pytest.mark.slow
def test_with_a_teacher_and_a_reference(digits_run, tmp_path, train_again):
    folder, reference, teacher = tmp_path / "tune", digits_run / "model.tflite", tmp_path / "own"
    shutil.copytree(digits_run, teacher)
    flags = [
        f"--output_dir={folder}", f"--teacher={teacher}", "--augmentation_pool=3",
        f"--reference_tflite={reference}", "--image_size=32",
        "--max_latency_ratio=2", "--latency_format=float32", "--subtract_mean=false",
    ]  # fmt: skip
    output = said(tune(*flags))
    assert [line for line in output.splitlines() if line.startswith("predicting with ")] == [
        f"predicting with {teacher}: augmentation {view} of 2"
        for view in (1, 2)  # once, and of epochs there are
    ]
    with open(folder / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows} == {"finished"}
    assert all(0 < float(row["latency_ratio"]) <= 2 for row in rows)
    assert {row["label_smoothing"] for row in rows} == {"0.0"}
    train_again(teacher)
    assert "already holds another search (teachers" in said(tune(*flags), code=1)


@pytest.mark.slow
def test_a_chief_and_two_workers_of_which_one_is_killed(search, tmp_path):
    folder = tmp_path / "tune"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    def start(name):
        return tune(
            f"--output_dir={folder}", KERASTUNER_TUNER_ID=name,
            KERASTUNER_ORACLE_IP="127.0.0.1", KERASTUNER_ORACLE_PORT=port,
        )  # fmt: skip

    chief, first = start("chief"), start("worker0")
    while not list(folder.glob("trials/*/history.csv")):
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    workers = [start("worker0"), start("worker1")]
    outputs = [said(worker) for worker in workers]
    assert "The best of 2 trials" in said(chief)
    rows = leaderboard(folder)
    assert rows == leaderboard(search[0])
    assert sum(output.count("parameters") for output in outputs) == 2  # each trial once
    assert "The best of 2 trials" in said(start("chief"))  # and does not wait for workers
    said(start("worker0"))  # nor it for the chief
