"""`benchmarks/accelerator.py` at a small size on the CPU: it is ready before a GPU is."""

import importlib.util
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
SPEC = importlib.util.spec_from_file_location("carry", BENCHMARKS / "carry.py")
assert SPEC is not None
assert SPEC.loader is not None
carry = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(carry)

DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 256, (72, 8, 8, 3), "uint8")
LABELS = DRAW.integers(0, 10, 72)


@pytest.fixture
def carried(tmp_path, monkeypatch):
    monkeypatch.setattr(carry, "STRIP", 20)
    carry.write_cifar(tmp_path / "carried", map(str, range(10)), IMAGES, LABELS)
    return tmp_path / "carried"


def test_images_are_carried_without_loss_and_in_two_parts(carried):
    names, (images, labels), (test_images, test_labels) = carry.read_cifar(carried)
    assert names == tuple("0123456789")
    assert len(images) == 60
    np.testing.assert_array_equal(np.concatenate([images, test_images]), IMAGES)
    np.testing.assert_array_equal(np.concatenate([labels, test_labels]), LABELS)
    for file in (carried / "second").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match="holds 40 of 72 images: carry both"):
        carry.read_cifar(carried)


def test_wheels_are_unpacked_to_be_imported(tmp_path):
    wheel = tmp_path / "first/wheels/one-1-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("one/__init__.py", "value = 3")
    carry.unpack_wheels(tmp_path, tmp_path / "there")
    assert (tmp_path / "there/one/__init__.py").read_text() == "value = 3"


@pytest.mark.slow
def test_what_is_done_is_written_and_not_measured_again(carried, tmp_path, fresh_python):
    """PyTorch is not in this environment: that is said, and ours is measured."""
    out = tmp_path / "found.json"
    command = (
        BENCHMARKS / "accelerator.py", "--small", f"--out={out}", f"--carry={carried}",
    )  # fmt: skip
    said = fresh_python(*command).stdout
    rows = json.loads(out.read_text())
    assert list(rows) == ["speed/ResNet8/8", "paper/ResNet8/0"]
    speed, paper = rows.values()
    assert speed["ours"] > 0
    assert speed["torch"] is speed["times_torch"] is speed["share_of_peak"] is None
    assert "No module named 'torch'" in speed["why"]
    assert paper["accuracy"] in [pytest.approx(right / 12) for right in range(13)]
    assert paper["why"] == ""
    assert [line.split()[0] for line in said.splitlines()] == [*rows]
    assert fresh_python(*command, "--seconds=0").stdout == ""
    assert json.loads(out.read_text()) == rows
    other = fresh_python(*command, f"--out={tmp_path / 'other.json'}", "--seconds=0").stdout
    assert other.splitlines()[0] == "speed/ResNet8/8: left out, 0 s of 1 left"
