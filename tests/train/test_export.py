"""The command as a user runs it."""

import json
import resource
import shutil
from functools import partial

import pytest

from keras_resnet import InputError
from keras_resnet.export.files import FORMAT_FILES, OPTIONAL
from keras_resnet.export.metadata import read_metadata
from keras_resnet.utils.files import sha256
from train import export
from train.compress import quantization_aware
from train.measure import comparison
from train.runs import folder
from train.runs.record import intact, read_record

FILES = {file for name, file in FORMAT_FILES.items() if name not in ("keras", *OPTIONAL)}


@pytest.fixture
def command(command):
    return partial(command, export)


@pytest.fixture
def finished(digits_run, tmp_path):
    """What a repository may hold of a run: no more than is needed to export it."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("run.json", "model.weights.h5", "labels.txt"):
        shutil.copy(digits_run / name, folder)
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """How long files take is not compared here."""
    monkeypatch.setattr(comparison, "RUNS", 10)


def test_everything_is_exported_measured_and_described(finished, command, capsys):
    command(f"--run={finished}", "--author=Someone", "--license=MIT", "--max_drop=3")
    names = {path.name for path in finished.iterdir()} - {".lock"}
    assert names == {
        *FILES, "run.json", "model.weights.h5", "labels.txt", "framing.json", "export.json",
        "export.png", "report.html",
    }  # fmt: skip
    report = json.loads((finished / "export.json").read_text())
    assert {row["file"] for row in report["formats"].values()} == FILES
    record = json.loads((finished / "run.json").read_text())
    assert report["keras"]["accuracy"] == record["test"]["keras"]["accuracy"]
    assert report["calibration"] == {"from": "digits", "images": 500}
    assert report["data"]["sha256"] == record["data"]["sha256"]
    assert report["formats"]["float32"]["max_difference"] < 1e-5
    said = read_metadata(finished / "model_int8.tflite")
    assert (said["name"], said["author"], said["license"]) == (
        "resnet8 for digits", "Someone", "MIT",
    )  # fmt: skip
    assert said["labels"] == list("0123456789")
    page = (finished / "report.html").read_text()
    assert all(f"<td>{file}</td>" in page for file in FILES)
    printed = capsys.readouterr().out
    assert "Keras: " in printed
    assert f"Report: {finished / 'report.html'}" in printed
    assert "model_int16x8.tflite" in printed


def test_only_what_was_asked_for_is_written(finished, command, tmp_path, monkeypatch):
    tuned = []

    def finetune(model, images, calibration, recipe, epochs):
        tuned.append((len(calibration), recipe.batch_size, epochs))
        return model  # test_quantization_aware.py is about the rest

    monkeypatch.setattr(quantization_aware, "finetune", finetune)
    photos = tmp_path / "photos" / "deeper"
    photos.mkdir(parents=True)
    shutil.copy("tests/data/digit_7.png", photos)
    command(f"--run={finished}", "--formats=int8, int8", "--max_drop=100", "--qat_epochs=3",
            f"--calibration={tmp_path / 'photos'}")  # fmt: skip
    assert [path.name for path in finished.glob("model*.tflite")] == ["model_int8.tflite"]
    assert tuned == [(1, 64, 3)]
    report = json.loads((finished / "export.json").read_text())
    assert report["calibration"] == {"from": str(tmp_path / "photos"), "images": 1}
    assert report["qat_epochs"] == 3


@pytest.mark.slow
def test_quantization_aware_training_changes_int8_and_not_the_run(finished, command):
    sums, runs = [], []
    for epochs in (0, 1):
        command(f"--run={finished}", "--formats=int8", "--max_drop=3", f"--qat_epochs={epochs}")
        record = json.loads((finished / "run.json").read_text())
        sums.append(record.pop("files")["model_int8.tflite"])
        runs.append((record, (finished / "model.weights.h5").read_bytes()))
    assert sums[0] != sums[1] == sha256(finished / "model_int8.tflite")
    assert runs[0] == runs[1]


def test_the_gate_fails_and_names_the_file(finished, command, monkeypatch):
    real = comparison.compare
    monkeypatch.setattr(
        comparison,
        "compare",
        lambda *args: {name: row | {"drop": 0.6} for name, row in real(*args).items()},
    )
    with pytest.raises(InputError, match=r"model\.tflite loses 0\.60 .* do not use it"):
        command(f"--run={finished}", "--formats=float32")
    assert (finished / "export.json").exists()
    assert json.loads((finished / "export.json").read_text())["calibration"] is None
    command(f"--run={finished}", "--formats=float32", "--max_drop=0.6")


def test_what_calibrates_nothing_is_refused(finished, command):
    formats = "--formats=float32,dynamic"
    refuse(command, r"--calibration_images=7 is for int8, int16x8, and none of them is in --form",
           f"--run={finished}", formats, "--calibration_images=7")  # fmt: skip
    refuse(command, r"--calibration=photos is for int8, int16x8, and none of them is in --formats",
           f"--run={finished}", formats, "--calibration=photos")  # fmt: skip


def test_a_folder_that_is_in_use_is_named(finished, command):
    with folder.claim_folder(finished):
        refuse(command, "another process is writing to", f"--run={finished}")


def test_a_full_disk_is_named_and_leaves_the_former_export_as_it_was(finished, command):
    command(f"--run={finished}", "--formats=dynamic", "--max_drop=100")
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        refuse(command, r"cannot write to .* make room", f"--run={finished}",
               "--formats=dynamic,float32", "--author=Somebody else")  # fmt: skip
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before
    (finished / ".partial-export.json").mkdir()  # of an export that was killed
    command(f"--run={finished}", "--formats=float32", "--max_drop=100")
    assert not list(finished.glob(".partial-*"))
    record = read_record(finished)
    for name in ("labels.txt", "framing.json", "model.weights.h5", "model.tflite"):
        intact(finished, record, name)


def refuse(command, message, *arguments):
    with pytest.raises(InputError, match=message):
        command(*arguments)


def test_bad_input_is_named_before_anything_is_written(finished, command, tmp_path):
    given = f"--run={finished}"
    before = sorted(finished.iterdir())
    refuse(command, "say which run")
    refuse(command, "'nowhere' is not a run folder", "--run=nowhere")
    refuse(command, "unknown format 'int9'.* did you mean 'int8'", given, "--formats=float32,int9")
    refuse(command, "unknown quantizer 'lite'", given, "--quantizer=lite")
    refuse(command, "qat_epochs is for int8", given, "--formats=float32", "--qat_epochs=1")
    refuse(command, "the quantizer litert writes dynamic, int8, int16x8, and none of them is in",
           given, "--formats=float32,float16", "--quantizer=litert")  # fmt: skip
    refuse(command, "calibration is empty", given, "--calibration=")
    refuse(command, "cannot read the folder", given, f"--calibration={tmp_path / 'gone'}")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    refuse(command, r"cannot read '.*broken\.png' as an image", given,
           f"--calibration={tmp_path / 'photos'}")  # fmt: skip
    assert sorted(finished.iterdir()) == before


def edit(folder, change):
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


def test_runs_that_cannot_be_exported_are_named(finished, command):
    given = f"--run={finished}"
    edit(finished, lambda record: record["data"].update(sha256="0"))
    refuse(command, "digits is not the data of this run", given)
    edit(finished, lambda record: record["source"].update(dataset="./photos"))
    refuse(command, r"no folder .*photos", given)
    edit(finished, lambda record: record["network"].update(squeeze=4))
    edit(finished, lambda record: record["versions"].update(keras_resnet="9.9"))
    refuse(command, r"squeeze is unknown.* written by version 9\.9 of keras_resnet", given)


@pytest.mark.parametrize("name", ["labels.txt", "model.weights.h5"])
def test_a_file_that_is_missing_or_has_changed_is_named(finished, command, name):
    path = finished / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match=name):
        command(f"--run={finished}", "--formats=float32")
    path.unlink()
    refuse(command, f"no .*{name}", f"--run={finished}")
    assert sorted(path.name for path in finished.iterdir()) == sorted(
        {"labels.txt", "model.weights.h5", "run.json"} - {name}
    )
