"""Processes that train together, on the loopback address: one training, and one end."""

import csv
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from keras_resnet import InputError
from train.backend import single
from train.settings.execution import Processes

FLAGS = (
    "--dataset=digits", "--model=resnet8", "--width_multiplier=0.25", "--image_size=8",
    "--precision=float32", "--devices=cpu", "--batch_size=96", "--epochs=2",
    "--learning_rate=0.01",
)  # fmt: skip
AGAIN = "give all the same commands again"


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def begin(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(folder, count, *more):
    """Starts all processes of a training; only process 0 sees the run folder."""
    port = free_port()
    folders = [folder, *[folder.with_name("unseen")] * (count - 1)]
    return [
        begin(
            "train.cifar", *FLAGS, f"--output_dir={folders[number]}",
            f"--coordinator=127.0.0.1:{port}", f"--num_processes={count}",
            f"--process_id={number}", *more,
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


def weights(folder):
    """The bytes of each array of the trained network."""
    found = {}
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(lambda name, item: found.update({name: item}))
        return {
            name: item[()].tobytes()
            for name, item in found.items()
            if isinstance(item, h5py.Dataset)
        }


def begun(folder, count, *more):
    """A training within its steps, of which there is a checkpoint."""
    group = start(folder, count, "--checkpoint_seconds=0", *more)
    while not list(folder.glob("checkpoints/0*")):
        assert all(process.poll() is None for process in group), ends(group)
        time.sleep(0.1)
    return group


def trains_on(folder, together):
    """The same commands again give the bits of an undisturbed training."""
    codes, said = ends(start(folder, 2))
    assert codes == [0, 0] and "going on after" in said[0][0], said
    assert history(folder) == history(together)
    assert weights(folder) == weights(together)
    assert not folder.with_name("unseen").exists()


def test_two_processes_take_a_step_together_and_agree_on_a_stop():
    port = free_port()
    codes, said = ends([begin("tests.train.backend.joined", port, number) for number in (0, 1)])
    assert codes == [0, 0], said
    first, second = [json.loads(out.splitlines()[-1]) for out, _ in said]
    assert first.pop("leads") and not second.pop("leads")
    assert first == second
    assert first["summary"] == "2 CPU in 2 processes"
    assert first["from_leader"] == "said by 0"
    assert first["moving_statistics"] == [1, 1]  # of zeros and twos together; half has variance 0
    assert first["stop"][0] == "SIGTERM"
    assert "printed by process 0" in said[0][0]
    assert len(said[1][0].splitlines()) == 1  # only process 0 prints


def test_tensorflow_trains_in_one_process():
    with pytest.raises(InputError, match="set KERAS_BACKEND=jax"), single.join(Processes("h:1", 2)):
        pass


@pytest.fixture(scope="module")
def alone(fresh_python, tmp_path_factory):
    """The same training in one process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    fresh_python("-m", "train.cifar", *FLAGS, f"--output_dir={folder}", KERAS_BACKEND="jax")
    return history(folder)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The same training in two processes that nothing disturbs."""
    folder = tmp_path_factory.mktemp("together") / "run"
    codes, said = ends(start(folder, 2))
    assert codes == [0, 0], said
    assert said[1][0] == ""  # only process 0 prints
    return folder


@pytest.mark.slow
def test_two_processes_have_the_curve_of_one(alone, together):
    for row, same in zip(history(together), alone, strict=True):
        assert row == pytest.approx(same, rel=1e-4)


@pytest.mark.slow
def test_three_processes_have_the_curve_of_one(alone, tmp_path):
    codes, said = ends(start(tmp_path / "run", 3))
    assert codes == [0, 0, 0], said
    for row, same in zip(history(tmp_path / "run"), alone, strict=True):
        assert row == pytest.approx(same, rel=1e-4)


@pytest.mark.slow
def test_a_signal_to_any_stops_all_and_the_same_commands_go_on(together, tmp_path):
    group = begun(tmp_path / "run", 2)
    group[1].send_signal(signal.SIGTERM)  # not the one that writes
    codes, said = ends(group)
    assert codes == [75, 75], said
    assert "SIGTERM: stopped and saved after" in said[0][1]
    codes, said = ends(start(tmp_path / "run", 1))
    assert codes == [1] and "execution.devices '2 CPU in 2 processes'" in said[0][1], said
    trains_on(tmp_path / "run", together)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_death_ends_all_with_a_sentence_and_the_same_commands_go_on(victim, together, tmp_path):
    group = begun(tmp_path / "run", 2)
    os.kill(child(group[victim]), signal.SIGKILL)
    codes, said = ends(group, 60)
    assert codes == [1, 1]
    for _, error in said:
        assert AGAIN in error.splitlines()[-1]
        assert "Traceback" not in error and "    @ " not in error, error
    trains_on(tmp_path / "run", together)


def child(process):
    """The one that trains; the parent says how it ended."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_hangs_ends_the_others(victim, tmp_path):
    group = begun(tmp_path / "run", 2, "--epochs=300")
    hanging = child(group[victim])
    os.kill(hanging, signal.SIGSTOP)
    try:
        code, error = group[1 - victim].wait(60), group[1 - victim].communicate()[1]
    finally:
        os.kill(hanging, signal.SIGKILL)
    assert code == 1
    assert f"process {victim} has given no sign of life for 30 s; {AGAIN}" in error
    ends(group)


@pytest.mark.slow
def test_an_error_of_process_0_is_told_by_the_others(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/foreign").touch()
    codes, said = ends(start(tmp_path / "run", 2))
    assert codes == [1, 1]
    assert all("does not belong to a run" in errors for _, errors in said), said


@pytest.mark.slow
def test_a_loss_of_nan_is_told_by_all(tmp_path):
    codes, said = ends(start(tmp_path / "run", 2, "--learning_rate=1e9"))
    assert codes == [1, 1]
    for _, error in said:
        assert "lower --learning_rate" in error.splitlines()[-1], error


@pytest.mark.slow
def test_a_full_disk_of_process_0_ends_all(tmp_path):
    """A limit on the size of files stands for it: the system refuses in the middle."""
    group = start(tmp_path / "run", 2)
    resource.prlimit(group[0].pid, resource.RLIMIT_FSIZE, (4096, 4096))
    codes, said = ends(group)
    assert codes == [1, 1]
    for _, error in said:
        assert "Traceback" not in error and "File too large" in error.splitlines()[-1], error


@pytest.mark.slow
def test_who_does_not_come_is_not_waited_for(tmp_path):
    for number in (0, 1):
        group = start(tmp_path / "run", 2, "--join_seconds=3")
        group[1 - number].kill()
        group[1 - number].communicate()
        code, error = group[number].wait(60), group[number].communicate()[1]
        assert code == 1
        assert error.splitlines()[-1].startswith("error: the processes have not met"), error
        assert "in 3 s: start all of them" in error
