"""The command as a user runs it."""

import json
import shutil

import pytest
from absl.flags import FLAGS

from keras_resnet import InputError, formats, tflite
from keras_resnet.metadata import read
from train import export

FILES = {formats.FORMATS[name].file for name in tflite.CONVERSIONS} | {"saved_model"}


@pytest.fixture
def command(monkeypatch):
    def call(*arguments):
        for name in FLAGS:
            FLAGS[name].unparse()
        rest = FLAGS(["export", *map(str, arguments)])
        try:
            export.main(rest[1:])
        finally:
            for name in FLAGS:
                FLAGS[name].unparse()

    return call


@pytest.fixture
def finished(digits_run, tmp_path):
    """What a repository may hold of a run: no more than is needed to export it."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("run.json", "model.weights.h5", "labels.txt"):
        shutil.copy(digits_run / name, folder)
    return folder


def test_everything_is_exported_measured_and_described(finished, command, capsys):
    command(f"--run={finished}", "--author=Someone", "--license=MIT", "--max_drop=3")
    names = {path.name for path in finished.iterdir()}
    assert names == {
        *FILES, "run.json", "model.weights.h5", "labels.txt", "export.json", "export.png",
    }  # fmt: skip
    report = json.loads((finished / "export.json").read_text())
    assert {row["file"] for row in report["formats"].values()} == FILES
    record = json.loads((finished / "run.json").read_text())
    assert report["keras"]["accuracy"] == record["test"]["keras"]["accuracy"]
    assert report["calibration_images"] == 500
    assert report["dataset"] == record["dataset"]
    assert report["formats"]["float32"]["max_difference"] < 1e-5
    said = read(finished / "model_int8.tflite")
    assert (said["name"], said["author"], said["license"]) == (
        "resnet8 for digits", "Someone", "MIT",
    )  # fmt: skip
    assert said["labels"] == list("0123456789")
    printed = capsys.readouterr().out
    assert "Keras: " in printed
    assert "model_int16x8.tflite" in printed


def test_only_what_was_asked_for_is_written(finished, command, tmp_path):
    photos = tmp_path / "photos" / "deeper"
    photos.mkdir(parents=True)
    shutil.copy("tests/data/digit_7.png", photos)
    command(f"--run={finished}", "--formats=int8", f"--calibration={tmp_path / 'photos'}",
            "--max_drop=100", "--qat_epochs=1")  # fmt: skip
    assert [path.name for path in finished.glob("model*.tflite")] == ["model_int8.tflite"]
    report = json.loads((finished / "export.json").read_text())
    assert (report["calibration_images"], report["qat_epochs"]) == (1, 1)


def test_the_gate_fails_and_names_the_file(finished, command):
    with pytest.raises(InputError, match=r"model_int8\.tflite loses .* do not use it"):
        # One class less in each kernel's scale: what calibration on a black image does.
        command(f"--run={finished}", "--formats=float32,int8", "--calibration_images=1",
                "--max_drop=0")  # fmt: skip
    assert (finished / "export.json").exists()


def refuse(command, message, *arguments):
    with pytest.raises(InputError, match=message):
        command(*arguments)


def test_bad_input_is_named_before_anything_is_written(finished, command, tmp_path):
    run = f"--run={finished}"
    before = sorted(finished.iterdir())
    refuse(command, "say which run")
    refuse(command, "'nowhere' is not a run folder", "--run=nowhere")
    refuse(command, "unknown format 'int9'.* did you mean 'int8'", run, "--formats=float32,int9")
    refuse(command, "unknown quantizer 'lite'", run, "--quantizer=lite")
    refuse(command, "no .png or .jpg images in", run, f"--calibration={tmp_path / 'gone'}")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    refuse(command, r"cannot read '.*broken\.png' as an image", run,
           f"--calibration={tmp_path / 'photos'}")  # fmt: skip
    assert sorted(finished.iterdir()) == before


def edit(folder, change):
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


def test_runs_that_cannot_be_exported_are_named(finished, command):
    run = f"--run={finished}"
    edit(finished, lambda record: record["dataset"].update(sha256="0"))
    refuse(command, "digits is not the data of this run", run)
    edit(finished, lambda record: record["spec"].update(squeeze=4))
    edit(finished, lambda record: record["versions"].update(keras_resnet="9.9"))
    refuse(command, r"made by version 9\.9 of keras_resnet, and .*'squeeze'", run)
    (finished / "labels.txt").unlink()
    refuse(command, r"no .*labels\.txt", run)


def test_missing_weights_are_named(finished, command):
    (finished / "model.weights.h5").unlink()
    refuse(command, r"no .*model\.weights\.h5", f"--run={finished}")
