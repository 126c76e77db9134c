"""Weights that a training begins from are found before it, and outlive it."""

import shutil

import pytest

from keras_resnet import InputError
from tests.forked import AS_NOBODY
from train import beginning


@pytest.mark.parametrize("source", ["", "model.weights.h5"])
def test_the_weights_of_a_run_stand_for_it(source, digits_run, tmp_path):
    weights = str(digits_run / source)
    framing = beginning.source_framing(weights)
    assert framing == {"image_size": 32, "resize": "crop", "crop_ratio": 1.0}
    beginning.check_apart(weights, tmp_path)
    with pytest.raises(InputError, match="is where the weights are that it begins from"):
        beginning.check_apart(weights, digits_run)


def test_folders_that_may_not_be_entered_are_no_tracebacks(fresh_python, tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    lines = (
        "import pathlib",
        "from keras_resnet.utils.errors import InputError",
        "from train import beginning",
        "from train.search.budget import Budget",
        AS_NOBODY,
        f"path = {str(tmp_path / 'locked/x')!r}",
        "assert beginning.source_framing(path) == {}",
        f"beginning.check_apart({__file__!r}, pathlib.Path(path))",
        "try:",
        "    Budget(reference_tflite=path)",
        "except InputError as error:",
        "    print(error)",
    )
    assert "no file " in fresh_python("-c", "\n".join(lines)).stdout


def test_a_file_is_not_replaced_by_the_run_that_begins_from_it(digits_run, tmp_path):
    shutil.copy(digits_run / "model.keras", tmp_path / "mine.keras")
    assert beginning.source_framing(str(tmp_path / "mine.keras")) == {}
    with pytest.raises(InputError, match="is where the weights are"):
        beginning.check_apart(str(tmp_path / "mine.keras"), tmp_path)
