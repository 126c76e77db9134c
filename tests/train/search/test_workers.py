import shutil
import socket
from dataclasses import replace
from types import SimpleNamespace

import grpc
import pytest
from keras_tuner.errors import FatalError

from keras_resnet import InputError, cifar
from train.search import folder as search_folder
from train.search import job as jobs
from train.search import oracles, workers
from train.search import tuner as tuners
from train.search.budget import Budget
from train.search.job import SearchJob
from train.search.space import parse
from train.settings.recipes import FAST

ALL = {workers.NAME: "worker0", workers.HOST: "127.0.0.1", workers.PORT: "8000"}


@pytest.mark.parametrize(
    ("name", "role"), [("worker0", "worker"), ("chief", "chief"), (None, "alone")]
)
def test_the_name_says_what_a_process_is(name, role, monkeypatch):
    for key, value in ALL.items():
        if name:
            monkeypatch.setenv(key, name if key == workers.NAME else value)
        else:
            monkeypatch.delenv(key, raising=False)
    assert workers.role() == role


@pytest.mark.parametrize(("name", "value"), [(workers.PORT, None), (workers.HOST, "")])
def test_a_variable_that_is_missing_or_wrong_is_named(name, value, monkeypatch):
    for key, usual in (ALL | {name: value}).items():
        if usual is None:
            monkeypatch.delenv(key, raising=False)
        else:
            monkeypatch.setenv(key, usual)
    with pytest.raises(InputError, match=f"{name} is {value!r}: a search with many workers needs"):
        workers.role()


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1", "8000.5"])
def test_a_port_that_is_none_is_named(port, monkeypatch):
    for key, value in (ALL | {workers.PORT: port}).items():
        monkeypatch.setenv(key, value)
    with pytest.raises(InputError, match=f"{workers.PORT} must be a whole number from 1 to 65535"):
        workers.role()


def test_a_chief_says_why_it_cannot_listen_and_a_worker_that_it_waits(monkeypatch, capsys):
    """GRPC would share the port with whoever listens there, and wait for ever."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = str(other.getsockname()[1])
        for key, value in (ALL | {workers.PORT: port}).items():
            monkeypatch.setenv(key, value)
        with pytest.raises(
            InputError, match=rf"cannot listen at .*:{port} \(Address already in use\)"
        ):
            workers.check_port()
        workers.say_if_waiting()
        assert capsys.readouterr().out == ""
    workers.check_port()
    workers.say_if_waiting()
    assert f"waiting for the chief at 127.0.0.1:{port} (" in capsys.readouterr().out
    monkeypatch.setenv(workers.HOST, "nosuchhost.invalid")
    with pytest.raises(InputError, match="cannot listen at nosuchhost"):
        workers.check_port()


def test_a_lost_chief_is_not_the_fault_of_a_trial(tmp_path, monkeypatch):
    """KerasTuner would call the trial invalid, and then failed."""

    class Gone(grpc.RpcError):
        def code(self):
            return grpc.StatusCode.UNAVAILABLE

    space = parse(cifar(8), FAST, {"blocks": "1:3"})
    job = SearchJob(SimpleNamespace(folder=tmp_path), space, "random", 1, Budget())
    tuner = tuners.SearchTuner(oracles.choose("random", space, lambda *_: True, 1), job)
    trial = tuner.oracle.create_trial("worker0")
    for key, value in ALL.items():
        monkeypatch.setenv(key, value)

    def lose(trial):
        raise Gone

    monkeypatch.setattr(tuner, "run_trial", lose)
    with pytest.raises(FatalError, match=r"lost the chief at 127\.0\.0\.1:8000 \(UNAVAILABLE\)"):
        tuner._try_run_and_update_trial(trial)
    assert trial.status == "RUNNING"


def job(folder, monkeypatch, processor, shared=False, blocks="1:3", **limits):
    monkeypatch.setattr(jobs, "cpu", lambda: processor)
    data = SimpleNamespace(name="digits", fingerprint="0")
    bench = SimpleNamespace(folder=folder, data=data, meter=SimpleNamespace(shared=shared))
    space = parse(cifar(8), FAST, {"blocks": blocks})
    return SearchJob(bench, space, "random", 1, Budget(**limits))


def test_teachers_stay_the_same_during_a_search(digits_run, tmp_path, train_again):
    """Otherwise trials are compared that learned from different ones."""
    own = tmp_path / "own"
    shutil.copytree(digits_run, own)
    space = parse(cifar(8), replace(FAST, teacher=str(own), augmentation_pool=2), {"blocks": "1:3"})
    search = SearchJob(SimpleNamespace(folder=tmp_path), space, "random", 1, Budget())
    tuner = tuners.SearchTuner(oracles.choose("random", space, lambda *_: True, 1), search)
    trial = tuner.oracle.create_trial("alone")
    search.check_teachers()
    train_again(own)
    with pytest.raises(FatalError, match="own have changed during the search: put the former"):
        tuner.run_trial(trial)
    (own / "model.weights.h5").unlink()
    with pytest.raises(FatalError, match=r"own has no model\.weights\.h5: put it back"):
        tuner.run_trial(trial)


def test_times_are_limited_on_one_kind_of_processor(tmp_path, monkeypatch):
    limit = {"max_latency_ms": 1.0}
    search_folder.begin_or_resume(job(tmp_path, monkeypatch, "one", **limit))
    # A worker, which only trains, may be another.
    search_folder.wait_for_chief(job(tmp_path, monkeypatch, "another", shared=True, **limit))
    with pytest.raises(InputError, match=r"another search \(processor 'one', not 'another'\)"):
        search_folder.begin_or_resume(job(tmp_path, monkeypatch, "another", **limit))


def test_other_limits_hold_on_every_processor(tmp_path, monkeypatch):
    for processor in ("one", "another"):
        search_folder.begin_or_resume(job(tmp_path, monkeypatch, processor, max_params=10_000))


@pytest.mark.parametrize(
    ("blocks", "difference"),
    [
        ("1:4", r"space\.dimensions\.blocks_1\.high 3, not 4"),
        ("2/1:3/1:3", r"space\.dimensions\.blocks_1\.values \[\], not \[2\]"),
    ],
)
def test_another_search_is_named_by_what_differs(tmp_path, monkeypatch, blocks, difference):
    search_folder.begin_or_resume(job(tmp_path, monkeypatch, "one"))
    with pytest.raises(InputError, match=rf"already holds another search \({difference}\): give"):
        search_folder.begin_or_resume(job(tmp_path, monkeypatch, "one", blocks=blocks))


@pytest.mark.parametrize("name", ["diary.txt", "search.json"])
def test_what_is_of_somebody_else_stays(tmp_path, monkeypatch, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=r"choose another --output_dir|Choose another"):
        search_folder.begin_or_resume(job(tmp_path, monkeypatch, "one"))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_search_survives_a_damaged_record(tmp_path, monkeypatch, capsys):
    (tmp_path / "search.json").write_text("[" * 100_000)
    (tmp_path / "state").mkdir()
    search_folder.begin_or_resume(job(tmp_path, monkeypatch, "one"))
    assert "are taken for those that began the search" in capsys.readouterr().out
    assert search_folder.is_complete(job(tmp_path, monkeypatch, "one")) is False
