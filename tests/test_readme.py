"""What the README shows is run."""

import re
from pathlib import Path

import pytest
from absl.flags import FLAGS

from train import cifar, predict

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_library_example_runs():
    names = {}
    exec(BLOCKS[0], names)
    assert names["model"].name == "resnet"
    assert names["spec"].depth == 110


def test_all_three_files_say_the_same(digits_run, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    for block in BLOCKS[1:]:
        assert len([line for line in block.splitlines() if line]) == 6
        exec(block.replace("saved_models/demo", str(digits_run)), {})
    said = capsys.readouterr().out.split()
    assert len(said) == 3
    assert len(set(said)) == 1


def test_no_placeholder_is_left():
    assert not re.search("RESULTS|TODO|FIXME", README)


COMMANDS = {"cifar": cifar, "predict": predict}


@pytest.mark.parametrize("line", re.findall(r"python -m (train\.\S+ [^`\n]+)", README))
def test_every_flag_of_a_command_exists(line):
    module, *words = line.split()
    assert module.removeprefix("train.") in COMMANDS
    assert FLAGS(["readme", *words])
    for name in FLAGS:
        FLAGS[name].unparse()
