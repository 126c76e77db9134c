"""Records are read strictly, without Keras."""

import json
import os

import pytest

from keras_resnet import InputError, cifar, families
from keras_resnet.utils.schema import read_json
from train.runs.difference import difference
from train.runs.record import (
    file_sums,
    intact,
    read_classes,
    read_finished,
    read_record,
    read_spec,
    write_record,
)

pytestmark = pytest.mark.unit
NETWORK = families.to_json(cifar(8))
RECORD = {
    "status": "finished",
    "model": "resnet8",
    "network": NETWORK,
    "recipe": {"epochs": 2},
    "data": {"name": "digits", "image_size": 32, "sha256": "0"},
    "normalization": {"mean": [0.0, 1.5, 2.0], "std": [1.0, 2.0, 3.0]},
    "test": {"keras": {"accuracy": 0.5}},
}


def test_what_was_written_is_read(tmp_path):
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == json.loads(json.dumps(RECORD))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"status": "ended"}, "status should be 'training', 'finished' or 'failed'; got 'ended'"),
        ({"model": None}, "model should be a valid string; got None"),
        ({"recipe": []}, r"recipe should be .* got \[\]"),
        ({"data": {"name": "digits"}}, r"data\.image_size is missing"),
        ({"normalization": {"mean": [None], "std": []}}, r"normalization\.mean\.0 should be"),
        ({"speed": 3}, "speed is unknown"),
        ({"seconds": "long"}, "seconds should be a valid number; got 'long'"),
        ({"data": RECORD["data"] | {"image_size": 10**6}}, r"data\.image_size should be less"),
        ({"network": {}}, "network: unknown family of networks None"),
        ({"network": NETWORK | {"classes": None}}, "network: classes should be a valid integer"),
        ({"network": NETWORK | {"input_shape": [10**6, 10**6, 3]}}, "network: each of input_shape"),
        ({"network": NETWORK | {"widths": [10**9] * 3}}, "network: each of widths must be"),
        ({"source": {"dataset": "digits"}}, r"source\.data_dir is missing"),
    ],
)
def test_the_field_that_is_wrong_is_named(change, sentence, tmp_path):
    write_record(tmp_path, RECORD | change)
    with pytest.raises(InputError, match=rf"run\.json: {sentence}"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "[" * 300 + "]" * 300, '"\\ud83d"', "[NaN]", "-Infinity"]
)
def test_damaged_json_is_named(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json is damaged"):
        read_json(tmp_path / "x.json")


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(InputError, match=r"run\.json is a pipe or a device, not a file"):
        read_record(tmp_path)
    with pytest.raises(InputError, match=r"run\.json is a pipe or a device"):
        read_spec(tmp_path / "run.json")
    (tmp_path / "folder/run.json").mkdir(parents=True)
    with pytest.raises(InputError, match=r"run\.json is a folder, not a file"):
        read_record(tmp_path / "folder")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="Too many levels of symbolic links"):
        read_json(tmp_path / "loop")
    with open(tmp_path / "large.json", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match="has 1,099,511,627,776 bytes, and such files at most"):
        read_json(tmp_path / "large.json")


def test_numbers_beyond_all_measure_are_named(tmp_path):
    text = json.dumps(RECORD | {"seconds": 0})
    (tmp_path / "run.json").write_text(text.replace('"seconds": 0', '"seconds": 1e999'))
    with pytest.raises(InputError, match="a number in it is not finite"):
        read_record(tmp_path)


@pytest.fixture
def run(tmp_path):
    """A finished run, as far as no framework is needed."""
    (tmp_path / "labels.txt").write_text("".join(f"{number}\n" for number in range(10)))
    (tmp_path / "model.weights.h5").write_bytes(b"weights")
    (tmp_path / "saved_model/variables").mkdir(parents=True)
    (tmp_path / "saved_model/variables/data").write_bytes(b"variables")
    write_record(tmp_path, RECORD | {"files": file_sums(tmp_path)})
    return tmp_path


def test_whole_files_are_found_intact(run):
    record = read_finished(run)
    assert [*record["files"]] == ["saved_model", "model.weights.h5", "labels.txt"]
    for name in record["files"]:
        assert intact(run, record, name) == run / name
    assert read_classes(run, read_finished(run)) == list("0123456789")


@pytest.mark.parametrize("name", ["saved_model/variables/data", "model.weights.h5", "labels.txt"])
def test_a_flipped_bit_is_named(run, name):
    content = (run / name).read_bytes()
    (run / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(InputError, match=rf"{name.split('/')[0]} is not the file that was written"):
        intact(run, read_finished(run), name.split("/")[0])


def test_files_that_the_record_does_not_know_or_that_are_gone(run):
    (run / "model.tflite").touch()
    with pytest.raises(InputError, match=r"knows no model\.tflite, so that it cannot be checked"):
        intact(run, read_finished(run), "model.tflite")
    (run / "model.weights.h5").unlink()
    with pytest.raises(InputError, match=r"no .*model\.weights\.h5: make it"):
        intact(run, read_finished(run), "model.weights.h5")
    os.mkfifo(run / "model.weights.h5")
    with pytest.raises(InputError, match="is a pipe or a device"):
        intact(run, read_finished(run), "model.weights.h5")


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (b"cat\ndog\n", r"labels\.txt: there are 2 labels, .* for 10 classes"),
        (b"cat\n" * 11, r"labels\.txt: there are 11 labels, .* for 10 classes"),
        (b"", r"labels\.txt: there are 1 labels, 0 of them names"),
        (b"caf\xe9\n" * 10, r"labels\.txt is damaged .* UTF-8"),
        (b"cat\n" * 10, r"labels\.txt is not the file that was written"),
    ],
)
def test_labels_are_a_line_for_each_class(run, labels, sentence):
    (run / "labels.txt").write_bytes(labels)
    with pytest.raises(InputError, match=sentence):
        read_classes(run, read_finished(run))


def test_labels_that_are_a_folder(run):
    (run / "labels.txt").unlink()
    (run / "labels.txt").mkdir()
    with pytest.raises(InputError, match=r"labels\.txt is a folder"):
        read_classes(run, read_finished(run))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"files": None}, r"files should be .* train again"),
        (
            {"status": "failed", "reason": "no disk"},
            r"its status is 'failed' \(no disk\): train it",
        ),
        ({"normalization": {"mean": [0.0], "std": [1.0]}}, "for each of 3 channels; got"),
        ({"normalization": {"mean": [0.0] * 3, "std": [0.0] * 3}}, "a std above 0 for each"),
    ],
)
def test_a_record_by_which_no_model_can_be_used(run, change, sentence):
    write_record(run, read_record(run) | change)
    with pytest.raises(InputError, match=sentence):
        read_finished(run)


@pytest.mark.parametrize("field", ["data", "normalization", "files"])
def test_what_a_finished_run_must_have(run, field):
    record = read_record(run)
    del record[field]
    write_record(run, record)
    with pytest.raises(InputError, match=rf"run\.json: {field} is missing.* train again"):
        read_finished(run)


def test_rows_of_a_list_differ_by_their_names():
    there, here = ({"space": [{"name": "a"}, {"name": "b", "low": low}]} for low in (1, 2))
    assert difference(there, here) == "space.b.low 1, not 2"
    assert difference({"space": []}, here) == "space.a 'nothing', not {'name': 'a'}"
    assert difference({"x": {}}, {"x": {"y": None}}) == "x.y 'nothing', not None"
    assert difference({"x": [1, 2]}, {"x": [1] * 99}).startswith("x [1, 2], not [1, 1, 1")


def test_a_difference_is_the_first_setting_that_differs():
    there = json.loads(json.dumps(RECORD | {"recipe": {"epochs": 2, "seed": 0}}))
    assert difference(there, there) is None
    assert difference(there, {"recipe": {"epochs": 2, "seed": 1}}) == "recipe.seed 0, not 1"
    # What a record of an older version does not know was off.
    newer = {"epochs": 2, "seed": 0, "crop": "pad"}
    assert difference(there, {"recipe": newer}) is None
    other = difference(there, {"recipe": newer | {"crop": "area"}})
    assert other == "recipe.crop 'pad', not 'area'"
    assert difference(there, {"model": "x" * 5000}).startswith("model 'resnet8', not 'xxx")
    assert len(difference(there, {"model": "x" * 5000})) < 100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is damaged"),
        ("[]", r"the record should be an object; got \[\]"),
        ("{}", "network is missing"),
        ('{"network": {"family": "x"}, "recipe": {}}', "unknown family of networks 'x'"),
        (
            f'{{"network": {json.dumps(NETWORK)}, "recipe": {{"speed": 1}}}}',
            r"recipe\.speed is unknown",
        ),
    ],
)
def test_a_file_without_a_network_is_named(text, reason, tmp_path):
    (tmp_path / "best.json").write_text(text)
    with pytest.raises(InputError, match=rf"best\.json holds no network and recipe \(.*{reason}"):
        read_spec(tmp_path / "best.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*worst\.json: run train\.tune first"):
        read_spec(tmp_path / "worst.json")
