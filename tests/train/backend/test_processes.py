"""Processes that train together, on the loopback address: one training, and one end."""

import csv
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from keras_resnet import InputError
from train.backend import single
from train.settings.execution import Processes

pytestmark = pytest.mark.slow
FLAGS = (
    "--dataset=digits", "--model=resnet8", "--width_multiplier=0.25", "--image_size=8",
    "--precision=float32", "--devices=cpu", "--batch_size=96",
)  # fmt: skip


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def start(folder, count, *more):
    """Starts all processes of a training."""
    port = free_port()
    return [
        subprocess.Popen(
            [
                sys.executable, "-m", "train.cifar", *FLAGS, *more, f"--output_dir={folder}",
                f"--coordinator=127.0.0.1:{port}", f"--num_processes={count}",
                f"--process_id={number}",
            ],
            env=os.environ | {"KERAS_BACKEND": "jax"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]  # fmt: skip


def ends(group, seconds=400):
    """Exit codes and what each process wrote."""
    said = [process.communicate(timeout=seconds) for process in group]
    return [process.returncode for process in group], said


def history(folder):
    with open(folder / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: float(v) for k, v in row.items() if k != "images_per_second"} for row in rows]


def await_checkpoint(folder, group):
    while not list(folder.glob("checkpoints/0*")):
        assert all(process.poll() is None for process in group), ends(group)
        time.sleep(0.2)


@pytest.fixture(scope="module")
def alone(fresh_python, tmp_path_factory):
    """The same training in one process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    fresh_python(
        "-m", "train.cifar", *FLAGS, "--epochs=3", f"--output_dir={folder}", KERAS_BACKEND="jax"
    )
    return history(folder)


@pytest.mark.parametrize("count", [2, 3])
def test_processes_have_the_curve_of_one(alone, count, tmp_path):
    codes, said = ends(start(tmp_path / "run", count, "--epochs=3"))
    assert codes == [0] * count, said
    assert all(out == "" for out, _ in said[1:])  # only process 0 prints
    for row, same in zip(history(tmp_path / "run"), alone, strict=True):
        assert row == pytest.approx(same, rel=2e-3, abs=2e-3)


def test_any_signal_stops_all_and_the_same_commands_go_on(alone, tmp_path):
    group = start(tmp_path / "run", 2, "--epochs=3", "--checkpoint_seconds=0")
    await_checkpoint(tmp_path / "run", group)
    group[1].send_signal(signal.SIGTERM)  # not the one that writes
    codes, said = ends(group)
    assert codes == [75, 75], said
    assert "SIGTERM: stopped and saved after" in said[0][1]
    codes, said = ends(start(tmp_path / "run", 1, "--epochs=3"))
    assert codes == [1] and "execution.devices '2 CPU in 2 processes'" in said[0][1], said
    codes, said = ends(start(tmp_path / "run", 2, "--epochs=3"))
    assert codes == [0, 0] and "going on after" in said[0][0], said
    for row, same in zip(history(tmp_path / "run"), alone, strict=True):
        assert row == pytest.approx(same, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("victim", [0, 1])
def test_a_death_ends_all_with_a_sentence_within_a_minute(victim, tmp_path):
    group = start(tmp_path / "run", 2, "--epochs=300", "--checkpoint_seconds=0")
    await_checkpoint(tmp_path / "run", group)
    group[victim].kill()
    codes, said = ends(group, 60)
    assert codes[1 - victim] == 1
    error = said[1 - victim][1]
    assert "give all the same commands again" in error.splitlines()[-1]
    assert "Traceback" not in error and "    @ " not in error, error


def test_an_error_of_process_0_is_told_by_the_others(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/foreign").touch()
    codes, said = ends(start(tmp_path / "run", 2, "--epochs=1"))
    assert codes == [1, 1]
    assert all("does not belong to a run" in errors for _, errors in said), said


def test_tensorflow_trains_in_one_process():
    with pytest.raises(InputError, match="set KERAS_BACKEND=jax"), single.join(Processes("h:1", 2)):
        pass
