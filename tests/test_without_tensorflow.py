"""Training on JAX needs neither TensorFlow nor what comes with it."""

import json
import runpy
from pathlib import Path

import pytest

from keras_resnet.utils.extras import EXTRAS
from train import export

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("without")


@pytest.fixture(scope="module")
def found(fresh_python, folder):
    said = fresh_python("-m", "tests.without_tensorflow", folder, KERAS_BACKEND="jax").stdout
    return json.loads(said.splitlines()[-1])


def test_a_run_is_trained_scored_and_predicted_from(found):
    assert found["scored"] == ["keras"]
    assert found["report"]
    assert max(found["predicted"], key=found["predicted"].get) == "7"  # of digit_7.png


def test_where_tensorflow_is_the_run_is_exported(found, folder, command):
    record = json.loads((folder / "run/run.json").read_text())
    assert "jax" in record["versions"]
    command(export, f"--run={folder / 'run'}", "--formats=saved_model,float32")
    exported = json.loads((folder / "run/export.json").read_text())
    expected = record["test"]["keras"]["accuracy"]
    assert exported["formats"]["float32"]["accuracy"] == pytest.approx(expected, abs=0.003)


def test_what_needs_more_says_what_to_install(found):
    for name, package, extra in (
        ("cifar10", "tensorflow", "train"),
        ("export", "ai_edge_litert", "train"),
        ("tune", "ai_edge_litert", "train"),
        ("library", "tensorflow", "export"),
    ):
        assert found[name] == (
            f"this needs {package}, which is not installed: pip install "
            f"'keras-resnet-family[{extra}]'."
        )


def test_the_extras_bring_what_their_sentences_say(monkeypatch):
    given = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("setuptools.setup", lambda **settings: given.update(settings))
    runpy.run_path(str(ROOT / "setup.py"))
    names = {"sklearn": "scikit-learn"}
    for package, extra in EXTRAS.items():
        wanted = names.get(package, package.replace("_", "-"))
        assert any(line.startswith(wanted) for line in given["extras_require"][extra]), package
    without = [*given["install_requires"], *given["extras_require"]["jax"]]
    assert not [line for line in without if line.startswith(("tensor", "ai-edge", "flatbuffers"))]
