"""The commands of `benchmarks` run: how fast is the machine's business, that they do is ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CIFAR = ROOT.parent / "shared" / "tfds"  # real data, beside the repository
PRETRAINED = ROOT / "saved_models/pretrained"
SPEED = r"\d+ \(\d+ to \d+\) images/s"


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_throughput_compares_with_stock_keras_and_a_peer():
    peer = f"{sys.executable} -m benchmarks.contestants ours 2"
    printed = run("benchmarks.throughput", "--rounds=1", "--steps=2", f"--peer={peer}")
    assert re.search(rf"ours: {SPEED}\nstock: {SPEED}; ours is .* as fast\npeer: {SPEED}", printed)


@pytest.mark.slow
def test_a_profile_is_mostly_of_convolutions():
    printed = run("benchmarks.profile", "--kinds=3")
    assert re.search(r"\d+ ms a step of 128 images", printed)
    assert "Conv2DBackpropFilter" in printed


@pytest.mark.manual
def test_files_are_scored_and_timed_side_by_side():
    files = [str(path) for path in sorted(PRETRAINED.glob("lean_cifar10/*.tflite"))]
    printed = run("benchmarks.side_by_side", *files, "--processes=1", f"--data_dir={CIFAR}")
    assert (
        len(re.findall(r"\.tflite: [\d,]+ bytes, 8\d\.\d\d% of 10,000 test images", printed)) == 2
    )


@pytest.mark.parametrize("model", ["ResNet50", "VGG16"])
def test_scaling_counts_any_network(model):
    assert re.match(rf"{model}: [\d.]+ M parameters", run("benchmarks.scaling", f"--model={model}"))
