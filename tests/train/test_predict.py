"""Prediction as a user runs it."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnet import InputError
from keras_resnet.export import formats
from keras_resnet.export.files import EXACT
from train import predict
from train.runs.record import file_sums, read_record, write_record

SEVEN = Path(__file__).parents[1] / "data" / "digit_7.png"


@pytest.fixture
def command(command, capsys):
    def call(*arguments):
        command(predict, *arguments)
        return capsys.readouterr().out

    return call


def test_all_formats_say_the_same(command, digits_run, tmp_path):
    large = tmp_path / "large.jpg"
    Image.open(SEVEN).resize((100, 80)).save(large)
    said = {
        name: command(f"--run={digits_run}", f"--format={name}", "--top=2", SEVEN, large)
        for name in EXACT
    }
    assert len(set(said.values())) == 1
    lines = said["keras"].splitlines()
    assert [line.split()[0] for line in lines] == [str(SEVEN), str(large)]
    _path, first, probability, second, _ = lines[0].split()
    assert first in "0123456789"
    assert second in "0123456789"
    assert 10 <= float(probability.removesuffix("%")) <= 100


def test_many_images_are_read_a_part_at_a_time(command, digits_run, monkeypatch):
    whole = command(f"--run={digits_run}", *[SEVEN] * 5)
    load, counts = formats.load, []

    def counting(*place):
        network = load(*place)
        return lambda images: counts.append(len(images)) or network(images)

    monkeypatch.setattr(formats, "BATCH", 2)
    monkeypatch.setattr(formats, "load", counting)
    assert command(f"--run={digits_run}", *[SEVEN] * 5) == whole and len(whole.splitlines()) == 5
    assert counts == [2, 2, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say which run and which images"),
        (["--run=nowhere", SEVEN], "'nowhere' is not a run folder"),
    ],
)
def test_what_is_missing_is_named(command, arguments, message):
    with pytest.raises(InputError, match=message):
        command(*arguments)


def test_a_mistyped_format_or_image_is_named(command, digits_run, tmp_path):
    with pytest.raises(InputError, match="did you mean 'float32'"):
        command(f"--run={digits_run}", "--format=float3", SEVEN)
    with pytest.raises(InputError, match=r"no image 'gone\.png'"):
        command(f"--run={digits_run}", "gone.png")
    with pytest.raises(InputError, match="as an image"):
        command(f"--run={digits_run}", digits_run / "labels.txt")


@pytest.mark.parametrize(
    ("format", "file"),
    [
        ("keras", "model.keras"),
        ("saved_model", "saved_model/variables/variables.data-00000-of-00001"),
        ("float32", "model.tflite"),
        ("float32", "labels.txt"),
    ],
)
def test_a_flipped_bit_in_a_file_of_the_run_is_named(command, digits_run, tmp_path, format, file):
    run = shutil.copytree(digits_run, tmp_path / "run")
    content = bytearray((run / file).read_bytes())
    content[len(content) // 2] ^= 1
    (run / file).write_bytes(content)
    with pytest.raises(InputError, match=file.split("/")[0]):
        command(f"--run={run}", f"--format={format}", SEVEN)


def test_what_is_not_finite_is_no_prediction(command, digits_run, tmp_path):
    folder = shutil.copytree(digits_run, tmp_path / "run")
    model = keras.saving.load_model(folder / "model.keras")
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    model.save(folder / "model.keras")
    write_record(folder, read_record(folder) | {"files": file_sums(folder)})
    with pytest.raises(InputError, match=r"model\.keras .*not finite"):
        command(f"--run={folder}", SEVEN)
