import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnet import InputError
from keras_resnet.export import formats
from train.data.dataset import Split
from train.measure import comparison, latency

DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 256, (30, 8, 8, 3)).astype("uint8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Dense(4, "softmax")(x))
    folder = tmp_path_factory.mktemp("files")
    formats.save(model, folder, ["saved_model", "float32", "int8"], calibration=IMAGES)
    return folder, model


@pytest.fixture(scope="module")
def split(folder):
    """Labels of which the model knows all but a few."""
    labels = folder[1].predict(IMAGES, verbose=0).argmax(-1)
    labels[:3] = (labels[:3] + 1) % 4
    return Split(IMAGES, labels)


@pytest.fixture(scope="module")
def rows(folder, split):
    reference = folder[1].predict(IMAGES, verbose=0)
    reference[3] = np.roll(reference[3], 1)  # as if the Keras model knew one image less
    return comparison.compare(folder[0], ["saved_model", "float32", "int8"], reference, split)


def test_rows_say_what_the_files_are(rows, folder, split):
    assert list(rows) == ["saved_model", "float32", "int8"]
    file = folder[0] / "model_int8.tflite"
    assert rows["int8"]["bytes"] == file.stat().st_size
    guesses = formats.load(folder[0], "int8")(IMAGES).argmax(-1)
    assert rows["int8"]["accuracy"] == np.mean(guesses == split.labels)
    assert rows["float32"]["accuracy"] == 0.9
    assert rows["float32"]["drop"] == pytest.approx(-100 / 30, abs=1e-3)
    assert rows["float32"]["max_difference"] > 1e-3
    total = sum(p.stat().st_size for p in (folder[0] / "saved_model").rglob("*") if p.is_file())
    assert rows["saved_model"]["bytes"] == total
    json.dumps(rows)


def test_a_file_that_gives_nan_is_named(folder, split, monkeypatch):
    nan = np.full((len(IMAGES), 4), np.nan, np.float32)
    monkeypatch.setattr(comparison, "load", lambda folder, name: lambda images: nan)
    with pytest.raises(InputError, match=r"model_int8\.tflite gives .* not finite"):
        comparison.compare(folder[0], ["int8"], np.ones((30, 4)) / 4, split)


def test_files_for_phones_are_timed(rows):
    for threads in (1, 2):
        row = rows["float32"]
        assert 0 < row[f"median_ms_{threads}"] <= row[f"p95_ms_{threads}"] < 1000
    assert rows["float32"]["delegated"] is True
    assert 0 < rows["float32"]["memory_mb"] < 200
    assert "median_ms_1" not in rows["saved_model"]


def test_the_table_has_a_line_for_each_file(rows):
    header, *lines = comparison.table(rows).splitlines()
    assert header.split()[:4] == ["file", "bytes", "accuracy", "drop"]
    assert [line.split()[0] for line in lines] == [
        "saved_model",
        "model.tflite",
        "model_int8.tflite",
    ]
    assert len({len(line) for line in (header, *lines)}) == 1
    assert f"{rows['int8']['accuracy']:.2%}" in lines[2]


def test_the_picture_is_one(rows, tmp_path):
    comparison.plot_sizes(tmp_path, rows, 0.5)
    with Image.open(tmp_path / "export.png") as picture:
        assert picture.size == (912, 504)
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_a_file_that_lost_too_much_is_named():
    rows = {
        "float32": {"file": "model.tflite", "drop": 0.0},
        "int8": {"file": "model_int8.tflite", "drop": 0.51},
    }
    comparison.check_drops(rows, 0.51)
    with pytest.raises(InputError, match=r"^model_int8\.tflite loses 0\.51 percentage points"):
        comparison.check_drops(rows, 0.5)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file that takes milliseconds, not microseconds."""
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(512, 3, padding="same")(image)
    x = keras.layers.Conv2D(512, 3, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    folder = tmp_path_factory.mktemp("large")
    model = keras.Model(image, keras.layers.Dense(4, "softmax")(x))
    formats.save(model, folder, ["float32"])
    return folder / "model.tflite"


@pytest.fixture
def few_runs(monkeypatch):
    monkeypatch.setattr(comparison, "RUNS", 50)


def test_a_longer_computation_takes_longer(folder, large, few_runs):
    (small,), (large,) = (
        comparison.time_files([file], 1) for file in (folder[0] / "model.tflite", large)
    )
    assert large["median_ms"] > 3 * small["median_ms"]
    assert large["memory_mb"] > small["memory_mb"] + 5  # 9 MB of weights


def test_files_are_timed_interleaved(large, few_runs):
    """The same file twice takes the same time, whatever else the machine does."""
    one, again = comparison.time_files([large] * 2, 1)
    assert one["latency_ratio"] == 1
    assert 0.5 < again["latency_ratio"] < 2
    assert one["runs"] == again["runs"]


def test_a_file_that_is_none_cannot_be_timed(tmp_path):
    (tmp_path / "model.tflite").write_text("no model")
    with pytest.raises(InputError, match=r"cannot time .* \(.*model\.tflite is no \.tflite file\)"):
        comparison.time_files([tmp_path / "model.tflite"], 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.tflite"], "cannot read nothing.tflite (No such file or directory)."),
        (["nothing.tflite", "--runs=0"], "runs must be at least 2; got 0."),
        (["nothing.tflite", "--threads=-3"], "threads must be at least 1; got -3."),
    ],
)
def test_timing_by_hand_ends_in_a_sentence(arguments, message, fresh_python):
    done = fresh_python(latency.__file__, *arguments, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (1, f"error: {message}\n", "")
