"""The commands of `benchmarks` run: how fast is the machine's business, that they do is ours."""

import re
import sys
from pathlib import Path

import pytest

from benchmarks.throughput import speed
from keras_resnet import InputError

ROOT = Path(__file__).parent.parent
CIFAR = ROOT.parent / "shared" / "tfds"  # real data, beside the repository
PRETRAINED = ROOT / "saved_models/pretrained"
SPEED = r"\d+ \(\d+ to \d+\) images/s"


@pytest.mark.slow
def test_throughput_compares_with_stock_keras_and_a_peer(fresh_python):
    peer = f"{sys.executable} -m benchmarks.contestants ours 2"
    arguments = "--rounds=1", "--steps=2", f"--peer={peer}"
    printed = fresh_python("-m", "benchmarks.throughput", *arguments).stdout
    assert re.search(rf"ours: {SPEED}\nstock: {SPEED}; ours is .* as fast\npeer: {SPEED}", printed)


def test_throughput_refuses_a_peer_that_is_no_flag(fresh_python):
    done = fresh_python("-m", "benchmarks.throughput", "peer.py", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: unexpected 'peer.py': write flags as --name=value.\n"


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        ("nowhere.exe", "cannot run nowhere.exe (No such file or directory): check --peer."),
        ("echo fast", "echo fast told no speed, as in 1234 img/s (fast)."),
    ],
)
def test_a_peer_that_tells_no_speed_is_named(peer, words):
    with pytest.raises(InputError, match=re.escape(words)):
        speed(peer.split())


@pytest.mark.slow
def test_a_profile_is_mostly_of_convolutions(fresh_python):
    printed = fresh_python("-m", "benchmarks.profile", "--kinds=3").stdout
    assert re.search(r"\d+ ms a step of 128 images", printed)
    assert "Conv2DBackpropFilter" in printed


@pytest.mark.slow
def test_convolutions_are_held_against_the_peak(fresh_python):
    """ResNet-20 has 19 of them, and of the first one no gradient of inputs."""
    peer = f"{sys.executable} -m benchmarks.contestants ours 4 float32"
    printed = fresh_python("-m", "benchmarks.roofline", "--steps=4", f"--peer={peer}").stdout
    peak, *trainings = re.split(r"ours: |peer: ", printed)
    assert re.match(r"peak: \d+ GFLOP/s", peak)
    for training in trainings:
        counts = {
            name: sum(map(float, re.findall(rf"([\d.]+) x {name} ", training)))
            for name in ("forward", "gradient of inputs", "gradient of kernels")
        }
        assert counts == {"forward": 19, "gradient of inputs": 18, "gradient of kernels": 19}
        assert re.search(r"convolutions: \d+ ms of \d+", training)
    assert len(trainings) == 2


def test_a_profile_refuses_what_a_network_does_not_have(fresh_python):
    flags = "--model=vgg16cifar", "--shortcut=B"
    done = fresh_python("-m", "benchmarks.profile", *flags, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.endswith("error: --shortcut is for residual networks: leave it out.\n")


@pytest.mark.manual
def test_files_are_scored_and_timed_side_by_side(fresh_python):
    files = [str(path) for path in sorted(PRETRAINED.glob("lean_cifar10/*.tflite"))]
    arguments = *files, "--processes=1", f"--data_dir={CIFAR}"
    printed = fresh_python("-m", "benchmarks.side_by_side", *arguments).stdout
    scores = re.findall(r"\.tflite: [\d,]+ bytes, 8\d\.\d\d% of 10,000 test images", printed)
    assert len(scores) == 2


@pytest.mark.parametrize("model", ["ResNet50", "VGG16"])
def test_scaling_counts_any_network(fresh_python, model):
    printed = fresh_python("-m", "benchmarks.scaling", f"--model={model}").stdout
    assert re.match(rf"{model}: [\d.]+ M parameters", printed)
