"""The recordings against the packages themselves, which get an environment of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "tests/recordings/record.py"
pytestmark = pytest.mark.manual

PICKLE = """
import sys
import keras, numpy as np, torch
import keras_resnet
from tests.recordings.record import images, torch_model

folder, x = sys.argv[1], images()
for package, name in (("torchvision", "resnet18"), ("timm", "resnetv2_50")):
    model = torch_model(package, name).eval()
    expected = model(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).detach().numpy()
    state = model.state_dict()
    wrapped = {"model": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}
    for end, content in (("pth", state), ("pt", {"state_dict": state}), ("pt", wrapped)):
        path = f"{folder}/{name}.{end}"
        torch.save(content, path)
        ours = keras_resnet.from_checkpoint(
            path, classifier_activation=None, input_shape=x.shape[1:]
        )
        outputs = keras.ops.convert_to_numpy(ours(x, training=False))
        np.testing.assert_allclose(outputs, expected, atol=1e-4)
    keras_resnet.to_checkpoint(ours, f"{folder}/back.safetensors")
    from safetensors.torch import load_file
    model.load_state_dict(load_file(f"{folder}/back.safetensors"), strict=True)

class Code:
    def __reduce__(self):
        return print, ("this ran",)

for content, reason in (({"x": Code()}, "it could run code"), ({"x": 3}, "it is no state dict")):
    torch.save(content, f"{folder}/evil.pth")
    try:
        keras_resnet.from_checkpoint(f"{folder}/evil.pth")
    except keras_resnet.InputError as error:
        assert reason in str(error), error
    else:
        raise AssertionError
print("all as expected")
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Runs Python in a new environment with some packages."""
    # The user's cache of pip, as packages are large.
    own = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}

    def make(*groups):
        folder = tmp_path_factory.mktemp("environment")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = folder / "bin/python"
        for group in groups:
            command = [python, "-m", "pip", "install", "-q", *group]
            subprocess.run(command, check=True, cwd=ROOT, env=own)
        return python

    return make


def said(*command, **variables):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_torchvision_and_timm(environment, tmp_path):
    python = environment(
        ["-c", "constraints.txt", "torch==2.13.0", "keras", "safetensors"],
        [
            "--no-deps", "torchvision==0.28.0", "timm==1.0.31", "pillow", "pyyaml",
            "huggingface_hub",
        ],
    )  # fmt: skip
    assert said(python, RECORD, "--check", "torchvision", "comparison", "timm").count("npz") == 18
    # In Keras's torch backend, as TensorFlow stays out of this environment.
    assert "all as expected" in said(python, "-c", PICKLE, tmp_path, KERAS_BACKEND="torch")


def test_keras_hub(environment):
    python = environment(
        ["-c", "constraints.txt", "keras", "tensorflow"],
        ["keras-hub==0.32.0"],
    )
    assert said(python, RECORD, "--check", "keras_hub").count("npz") == 4
