"""What the README shows is run."""

import re
from pathlib import Path

import pytest
from absl.flags import FLAGS

import keras_resnet
from train import cifar, convert, export, flags, predict

ROOT = Path(__file__).parent.parent
README, EXPORT, SEARCH, SPEED = (
    (ROOT / name).read_text().replace("\\\n", " ")
    for name in ("README.md", "docs/export.md", "docs/search.md", "docs/performance.md")
)
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
LIBRARY = [block for block in BLOCKS if "import keras_resnet\n" in block]
FILES = [block for block in BLOCKS if block not in LIBRARY]


def test_the_library_examples_run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    keras_resnet.to_checkpoint(keras_resnet.ResNet18(), "resnet18.safetensors")
    build, tune, convert, maps = LIBRARY
    names = {}
    exec(build, names)
    assert names["spec"].depth == 110
    assert capsys.readouterr().out.split() == ["1826202", "266781312"]
    exec(tune, names)
    assert names["model"].output_shape == (None, 5)
    assert [layer.name for layer in names["model"].layers if layer.trainable_weights] == [
        "predictions"
    ]
    exec(convert, names)
    assert Path("again.safetensors").read_bytes() == Path("resnet18.safetensors").read_bytes()
    exec(maps, names)
    assert capsys.readouterr().out.strip() == "(None, None, None, 256) (None, None, None, 2048)"


def test_the_examples_of_export_run(digits_run, capsys, monkeypatch, tmp_path):
    library, client = re.findall(r"```python\n(.*?)```", EXPORT, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(library, {})
    assert {path.name for path in (tmp_path / "resnet18v2").iterdir()} == {
        "model.tflite",
        "model_float16.tflite",
    }
    monkeypatch.chdir(ROOT)
    exec(client.replace("saved_models/demo", str(digits_run)), {})
    assert capsys.readouterr().out.strip() in [*"0123456789"]


def test_the_table_of_networks_is_current():
    assert f"\n{keras_resnet.summary_table()}\n" in README


def test_all_three_files_say_the_same(digits_run, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert len(FILES) == 3
    for block in FILES:
        assert len([line for line in block.splitlines() if line]) == 6
        exec(block.replace("saved_models/demo", str(digits_run)), {})
    said = capsys.readouterr().out.split()
    assert len(said) == 3
    assert len(set(said)) == 1


def test_no_placeholder_is_left():
    assert not re.search("@[A-Z]+@|TODO|FIXME", README + EXPORT)


COMMANDS = {"cifar": cifar, "convert": convert, "export": export, "predict": predict}


LINES = re.findall(r"python -m (train\.\S+ [^`\n#]+)", README + EXPORT + SEARCH + SPEED)


@pytest.fixture(scope="module")
def flags_of_search(python):
    """They have the names of train.cifar's, for other values, so this is another process."""
    listed = python("-m", "train.tune", "--help", check=False).stdout
    return {*re.findall(r"^ +--(?:\[no\])?(\w+):", listed, re.MULTILINE)}


@pytest.mark.parametrize("line", sorted({line.strip() for line in LINES}))
def test_every_flag_of_a_command_exists(line, flags_of_search):
    module, *words = line.split()
    if module == "train.tune":
        assert {word[2:].split("=")[0] for word in words} <= flags_of_search
        return
    assert module.removeprefix("train.") in COMMANDS
    own = {*re.findall(r"--(?:\[no\])?(\w+):", FLAGS.module_help(module)), *flags.SHARED}
    assert {word[2:].split("=")[0] for word in words if word.startswith("--")} <= own
    assert FLAGS(["readme", *words])
    for name in FLAGS:
        FLAGS[name].unparse()
