import hashlib
import resource

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from keras_resnet import InputError
from train.trainer import checkpoint
from train.trainer.checkpoint import Progress

pytestmark = pytest.mark.unit
ARRAYS = {"w": np.arange(6, dtype="float32").reshape(2, 3), "step": np.array(7, "int64")}


def write(folder, steps):
    progress = Progress(epoch=1, step=steps, seconds=2.5, history=[{"loss": 0.1, "x": None}])
    checkpoint.write(folder, steps, progress, {"w": ARRAYS["w"] + steps, "step": ARRAYS["step"]})


def names(folder):
    return [int(path.name[:9]) for path in sorted(folder.iterdir())]


def test_what_was_written_is_read_to_the_bit(tmp_path):
    value = np.nextafter(np.float64(0.1), 1)
    history = [{"loss": float(value)}]
    checkpoint.write(tmp_path / "new", 5, Progress(1, 3, 1.5, history), ARRAYS)
    progress, arrays = checkpoint.newest(tmp_path / "new")
    assert progress == Progress(1, 3, 1.5, history)
    assert progress.history[0]["loss"] == value
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes()


def test_of_equally_good_epochs_the_last_is_the_best():
    def best(*scores):
        rows = [{"val_accuracy": score} for score in scores]
        return Progress(epoch=len(rows), history=rows).best_epoch

    assert best(0.5, 0.9, 0.9, 0.7) == 3
    assert best(None, 0.0, None) == 2
    assert best(None, None) == 2


def test_it_is_a_plain_safetensors_file(tmp_path):
    write(tmp_path, 5)
    (path,) = tmp_path.iterdir()
    assert load_file(path).keys() == ARRAYS.keys()


def test_the_last_two_are_kept(tmp_path):
    (tmp_path / ".partial-000000004-abc.safetensors").write_text("killed while writing")
    for steps in (5, 900, 1000, 12000):
        write(tmp_path, steps)
    assert names(tmp_path) == [1000, 12000]
    assert checkpoint.newest(tmp_path)[0].step == 12000


def test_without_one_there_is_none(tmp_path):
    assert checkpoint.newest(tmp_path / "none") is None


def spoil_middle(data):
    return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]


@pytest.mark.parametrize("spoil", [lambda d: d[:-1], lambda d: b"", lambda d: d[:50], spoil_middle])
def test_a_damaged_one_is_named_and_the_one_before_it_taken(tmp_path, spoil, capsys):
    write(tmp_path, 5)
    write(tmp_path, 6)
    last = max(tmp_path.iterdir())
    last.write_bytes(spoil(last.read_bytes()))
    progress, arrays = checkpoint.newest(tmp_path)
    assert progress.step == 5
    np.testing.assert_array_equal(arrays["w"], ARRAYS["w"] + 5)
    assert f"checkpoint {last} is damaged" in capsys.readouterr().out
    write(tmp_path, 7)
    assert names(tmp_path) == [5, 7]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (None, "__metadata__"),
        ({}, "progress"),
        ({"progress": "[" * 100_000}, "its progress is damaged"),
        ({"progress": '{"epoch": "2"}'}, "epoch should be a valid integer"),
        ({"progress": '{"epoch": -1}'}, "epoch must be a whole number of at least 0; got -1"),
        ({"progress": '{"epoch": 1}'}, "history must have a row for each of 1 epochs; got 0"),
        ({"progress": '{"seconds": 1e999}'}, "not finite"),
    ],
)
def test_progress_that_nobody_can_have_made_is_damage(tmp_path, metadata, reason, capsys):
    """Though its SHA-256 is right."""
    data = save(ARRAYS, metadata)
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / f"000000006-{digest}.safetensors").write_bytes(data)
    (tmp_path / f"000000007-{digest}.safetensors").mkdir()  # no file at all
    with pytest.raises(checkpoint.Damaged):
        checkpoint.newest(tmp_path)
    assert reason in capsys.readouterr().out


def test_when_all_are_damaged_it_says_so_once(tmp_path):
    for steps in (5, 6):
        write(tmp_path, steps)
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"no checkpoint in .* is whole: the same command begins"):
        checkpoint.newest(tmp_path)
    assert checkpoint.newest(tmp_path) is None


def test_what_cannot_be_written_whole_leaves_the_old_ones(tmp_path):
    """A limit on the size of files stands for a full disk: the system refuses in the middle."""
    write(tmp_path, 5)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint.write(tmp_path, 6, Progress(), {"w": np.zeros(10000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert names(tmp_path) == [5]
    assert checkpoint.newest(tmp_path)[0].step == 5
