import json

import pytest
import tensorflow as tf

from keras_resnet import InputError, cifar, families
from tests.forked import AS_NOBODY
from train.runs import folder as folders
from train.runs import locks
from train.runs.environment import environment
from train.runs.record import read_finished, read_record
from train.workflow import export_later

DESCRIPTION = {
    "model": "resnet8",
    "recipe": {"epochs": 2, "seed": 0},
    "network": families.to_json(cifar(8)),
}


def train(folder, description=DESCRIPTION, overwrite=False, error=None):
    """A run that trains nothing, and ends in an error if one is given."""
    with folders.record_run(folder, description, overwrite) as record:
        (folder / "history.csv").write_text("epoch\n0\n")
        record["seconds"] = 1.5
        if error:
            raise error


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_recorded_from_beginning_to_end(tmp_path):
    folder = tmp_path / "a" / "b"
    with folders.record_run(folder, DESCRIPTION, overwrite=False) as record:
        assert read_record(folder)["status"] == "training"
        record["seconds"] = 1.5
    there = read_record(folder)
    assert (there["status"], there["seconds"]) == ("finished", 1.5)
    assert there["recipe"] == DESCRIPTION["recipe"]
    assert there["versions"]["keras"]
    assert there["files"] == {}
    assert files(folder) == [".lock", "run.json"]


def test_a_failed_run_tells_why(tmp_path):
    with pytest.raises(InputError, match="the loss became nan"):
        train(tmp_path, error=InputError("the loss became nan"))
    there = read_record(tmp_path)
    assert (there["status"], there["reason"]) == ("failed", "the loss became nan")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InputError("the loss became nan")])
def test_an_unfinished_run_goes_on_with_its_checkpoints(tmp_path, error):
    with pytest.raises(type(error)):
        train(tmp_path, error=error)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "model.keras").write_text("from the checkpoint before")
    (tmp_path / ".partial-model.keras").write_text("half a file")
    with folders.record_run(tmp_path, DESCRIPTION, overwrite=False):
        assert files(tmp_path) == [".lock", "checkpoints", "history.csv", "run.json"]
    assert files(tmp_path) == [".lock", "history.csv", "run.json"]


def test_killed_as_it_goes_on_a_run_can_still_go_on(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, error=KeyboardInterrupt())
    (tmp_path / "checkpoints").mkdir()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(folders, "environment", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        train(tmp_path)
    assert "checkpoints" in files(tmp_path)
    train(tmp_path)


def test_another_run_is_refused_by_what_differs(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, error=KeyboardInterrupt())
    with pytest.raises(
        InputError, match=r"already holds another run \(recipe.epochs 2, not 3\): choose another"
    ):
        train(tmp_path, DESCRIPTION | {"recipe": {"epochs": 3, "seed": 0}})
    assert files(tmp_path) == [".lock", "history.csv", "run.json"]
    assert read_record(tmp_path)["recipe"]["epochs"] == 2


def test_a_record_may_leave_out_what_is_the_default(tmp_path):
    train(tmp_path, DESCRIPTION | {"recipe": {"seed": 0}})
    with pytest.raises(InputError, match=r"finished after 10 epochs, and its schedule has come"):
        train(tmp_path, DESCRIPTION | {"recipe": {"epochs": 11, "seed": 0}})


def test_a_finished_run_is_replaced_only_when_asked(tmp_path):
    train(tmp_path)
    with pytest.raises(InputError, match=r"already holds this run, finished: .*--overwrite"):
        train(tmp_path)
    train(tmp_path, DESCRIPTION | {"model": "resnet20"}, overwrite=True)
    assert read_record(tmp_path)["model"] == "resnet20"


def test_what_a_command_is_told_of_a_folder_can_be_pasted(tmp_path):
    folder = tmp_path / "my run"
    train(folder)
    with pytest.raises(InputError, match=r"--weights='/.*/my run'\.$"):
        train(folder, DESCRIPTION | {"recipe": DESCRIPTION["recipe"] | {"epochs": 9}})
    assert export_later(folder).endswith(f" --run='{folder}'")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("with_record", [False, True])
def test_a_folder_with_other_things_is_never_touched(tmp_path, overwrite, with_record):
    (tmp_path / "thesis.txt").write_text("years of work")
    if with_record:
        (tmp_path / "run.json").write_text("{}")
    before = files(tmp_path)
    with pytest.raises(InputError, match=r"holds 'thesis.txt', which does not belong to a run"):
        train(tmp_path, overwrite=overwrite)
    assert files(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["model.keras", "labels.txt", "checkpoints", "tensorboard"])
def test_what_may_be_of_a_run_but_has_no_record_is_never_removed(tmp_path, name, overwrite):
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").write_text("mine")
    with pytest.raises(InputError, match=rf"holds '{name}' but no run\.json.* remove it by hand"):
        train(tmp_path, overwrite=overwrite)
    assert files(tmp_path) == [name]  # and no lock
    assert (tmp_path / name / "mine").read_text() == "mine"


@pytest.mark.parametrize("record", ["{", "{}", '{"name": "my own"}', "[" * 100_000])
def test_a_run_that_cannot_be_read_is_not_removed(tmp_path, record):
    (tmp_path / "run.json").write_text(record)
    (tmp_path / "labels.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"run\.json cannot be read .* by hand"):
            train(tmp_path, overwrite=overwrite)
    assert files(tmp_path) == ["labels.txt", "run.json"]


def test_a_second_process_is_kept_out(tmp_path):
    with folders.record_run(tmp_path, DESCRIPTION, overwrite=False) as record:
        record["seconds"] = 9.0
        with pytest.raises(InputError, match="another process is writing to"):
            train(tmp_path, overwrite=True)
    assert read_record(tmp_path)["seconds"] == 9.0


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"cannot write to .*file/run \(Not a directory\)"):
        train(tmp_path / "file" / "run")


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "run.json").write_text('{"status": "trai')
    with pytest.raises(InputError, match=r"run\.json is damaged"):
        read_record(tmp_path)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(InputError, match="is not the record of a run"):
        read_record(tmp_path)


def test_a_run_that_has_not_come_to_its_classes(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, error=KeyboardInterrupt())
    with pytest.raises(InputError, match=r"has not come to its end, its status is 'training'"):
        read_finished(tmp_path)
    with pytest.raises(InputError, match="the loss"):
        train(tmp_path, error=InputError("the loss became nan"))
    with pytest.raises(InputError, match=r"its status is 'failed' \(the loss became nan\)"):
        read_finished(tmp_path)


def test_the_environment_is_json():
    assert json.loads(json.dumps(environment()))["hardware"]["cores"] >= 1


@pytest.mark.parametrize(
    "kind", ["InternalError", "NotFoundError", "UnknownError", "FailedPreconditionError"]
)
def test_a_failed_computation_is_not_called_a_full_disk(tmp_path, kind):
    error = getattr(tf.errors, kind)(None, None, "cuDNN")
    with pytest.raises(type(error)):
        train(tmp_path, error=error)
    assert read_record(tmp_path)["reason"] == f"{kind}: cuDNN"


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "model.tflite"),
        OSError("model.tflite: No space left on device"),  # as backends tell it
    ],
)
def test_a_full_disk_is_named_and_the_checkpoints_kept(tmp_path, error):
    with pytest.raises(
        InputError, match=r"No space left on device\): make room, or choose another folder"
    ):
        train(tmp_path, error=error)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "000000005-abc.safetensors").write_text("")
    with pytest.raises(InputError, match=r"No space left on device\): the last checkpoint is kept"):
        train(tmp_path, error=error)
    assert "checkpoints" in files(tmp_path)
    record = read_record(tmp_path)
    assert record["status"] == "failed"
    assert "No space left on device" in record["reason"]


def test_who_overwrote_is_told_not_to_do_so_again(tmp_path):
    full = OSError(28, "No space left on device", "model.tflite")
    sentence = r"give the same command again without --overwrite\.$"
    with (
        pytest.raises(InputError, match=sentence),
        folders.record_run(tmp_path, DESCRIPTION, overwrite=True),
    ):
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / "000000005-abc.safetensors").write_text("")
        raise full


@pytest.mark.parametrize("error", locks.NO_LOCKS)
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, error):
    def flock(*_):
        raise OSError(error, "no locks")

    monkeypatch.setattr("fcntl.flock", flock)
    refused = pytest.raises(InputError, match=f"the file system of {tmp_path} has no locks: choose")
    with refused, folders.claim_folder(tmp_path):
        pass


def test_a_folder_is_busy_while_it_is_claimed(tmp_path):
    assert not locks.is_busy(tmp_path)
    with folders.claim_folder(tmp_path):
        assert locks.is_busy(tmp_path)
    assert not locks.is_busy(tmp_path)


@pytest.mark.parametrize("function", ["claim_folder(path)", "check_folder(path, 'x.json')"])
def test_a_folder_that_may_not_be_entered_is_named(function, fresh_python, tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    lines = (
        "import pathlib",
        "from train.runs.folder import *",
        "from train.runs.folder import Unwritable",
        AS_NOBODY,
        f"path = pathlib.Path({str(tmp_path / 'locked/x')!r})",
        "try:",
        f"    with_ = {function}",
        "    with_ and with_.__enter__()",
        "except Unwritable as error:",
        "    print(error)",
    )
    done = fresh_python("-c", "\n".join(lines))
    assert "(Permission denied): make room, or choose another folder." in done.stdout
