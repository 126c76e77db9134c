"""Records are read strictly, without Keras."""

import json

import pytest

from keras_resnet import InputError, Spec, cifar, families
from keras_resnet.utils.schema import read_json
from train.runs.record import difference, read_classes, read_record, read_spec, write_record

pytestmark = pytest.mark.unit
RECORD = {
    "status": "finished",
    "model": "resnet8",
    "network": families.to_json(cifar(8)),
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
    ],
)
def test_the_field_that_is_wrong_is_named(change, sentence, tmp_path):
    write_record(tmp_path, RECORD | change)
    with pytest.raises(InputError, match=rf"run\.json: {sentence}"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "\ud83d".encode("utf-8", "ignore").decode()]
)
def test_damaged_json_is_named(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json is damaged"):
        read_json(tmp_path / "x.json")


def test_a_difference_is_the_first_setting_that_differs():
    there = json.loads(json.dumps(RECORD | {"recipe": {"epochs": 2, "seed": 0}}))
    assert difference(there, there) is None
    assert difference(there, {"recipe": {"epochs": 2, "seed": 1}}) == "recipe.seed 0, not 1"
    assert difference(there, {"model": "x" * 5000}).startswith("model 'resnet8', not 'xxx")
    assert len(difference(there, {"model": "x" * 5000})) < 100


def test_a_difference_in_a_table_is_named_by_its_row():
    there = {"space": {"rows": [{"name": "blocks", "low": 1}, {"name": "momentum", "low": 0.5}]}}
    here = {"space": {"rows": [{"name": "blocks", "low": 1}, {"name": "momentum", "low": 0.8}]}}
    assert difference(there, here) == "space.rows.momentum.low 0.5, not 0.8"
    here["space"]["rows"].pop()
    said = "space.rows.momentum {'low': 0.5, 'name': 'momentum'}, not None"
    assert difference(there, here) == said
    assert difference({"a": [1, 2]}, {"a": [1, 3]}) == "a.1 2, not 3"


def test_of_a_finished_run_a_file_that_is_gone_was_removed(tmp_path):
    write_record(tmp_path, RECORD)
    with pytest.raises(
        InputError, match=r"labels\.txt: the run is finished, so it was removed; put"
    ):
        read_classes(tmp_path)


NETWORK = json.dumps(families.to_json(Spec()))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is damaged"),
        ("[]", r"the record should be an object; got \[\]"),
        ("{}", "network is missing"),
        ('{"network": {"family": "vgg"}, "recipe": {}}', "unknown family of networks 'vgg'"),
        (f'{{"network": {NETWORK}, "recipe": {{"speed": 1}}}}', r"recipe\.speed is unknown"),
    ],
)
def test_a_file_without_a_network_is_named(text, reason, tmp_path):
    (tmp_path / "best.json").write_text(text)
    with pytest.raises(InputError, match=rf"best\.json holds no network and recipe \(.*{reason}"):
        read_spec(tmp_path / "best.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*worst\.json: run train\.tune first"):
        read_spec(tmp_path / "worst.json")
