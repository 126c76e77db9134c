import json

import pytest

from keras_resnet import InputError
from train import run

DESCRIPTION = {"model": "resnet8", "recipe": {"epochs": 2, "seed": 0}, "spec": {"units": (1, 1)}}


def test_an_empty_or_missing_folder_is_claimed(tmp_path):
    run.begin(tmp_path / "a" / "b", DESCRIPTION, overwrite=False)
    record = run.read_record(tmp_path / "a" / "b")
    assert record["status"] == "training"
    assert record["recipe"] == DESCRIPTION["recipe"]


def test_an_interrupted_run_may_start_again(tmp_path):
    run.begin(tmp_path, DESCRIPTION, overwrite=False)
    (tmp_path / "history.csv").write_text("epoch\n0\n")
    run.begin(tmp_path, DESCRIPTION, overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_another_run_is_refused_by_what_differs(tmp_path):
    run.begin(tmp_path, DESCRIPTION, overwrite=False)
    with pytest.raises(InputError, match="already holds a run of another recipe: choose another"):
        run.begin(tmp_path, DESCRIPTION | {"recipe": {"epochs": 3, "seed": 0}}, overwrite=False)
    assert run.read_record(tmp_path)["recipe"]["epochs"] == 2


def test_a_finished_run_is_replaced_only_when_asked(tmp_path):
    run.begin(tmp_path, DESCRIPTION, overwrite=False)
    run.write_record(tmp_path, {"status": "finished", **DESCRIPTION})
    with pytest.raises(InputError, match=r"already holds a run that is finished: .*--overwrite"):
        run.begin(tmp_path, DESCRIPTION, overwrite=False)
    run.begin(tmp_path, DESCRIPTION, overwrite=True)
    assert run.read_record(tmp_path)["status"] == "training"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_never_touched(tmp_path, overwrite):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not empty and holds no run"):
        run.begin(tmp_path, DESCRIPTION, overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "run.json").write_text('{"status": "trai')
    with pytest.raises(InputError, match=r"run\.json is damaged"):
        run.read_record(tmp_path)


def scores(**accuracy):
    return {name: {"accuracy": value} for name, value in accuracy.items()}


def test_formats_may_differ_by_a_tenth_of_a_point():
    assert run.disagreement(scores(keras=0.9, saved_model=0.9, tflite=0.8991)) is None
    message = run.disagreement(scores(keras=0.9, saved_model=0.9, tflite=0.8988))
    assert message is not None
    assert message.startswith("model.tflite scores 89.88% on the test images, the Keras model 90")
    assert run.disagreement(scores(keras=0.9, saved_model=0.902, tflite=0.9)) is not None


def test_the_environment_is_json():
    assert json.loads(json.dumps(run.environment()))["hardware"]["cores"] >= 1
