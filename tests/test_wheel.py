"""What is installed where there is no repository."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = """
import keras_resnet
print(keras_resnet.__file__)
print(keras_resnet.ResNet20(weights="cifar10").count_params())
print(keras_resnet.ResNet20V2(weights="cifar10").count_params())
"""


@pytest.mark.slow
def test_a_wheel_brings_its_weights(tmp_path):
    source, site = tmp_path / "source", tmp_path / "site"
    for name in ("keras_resnet", "saved_models/pretrained"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path
    subprocess.run([sys.executable, *command, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    env = os.environ | {"PYTHONPATH": str(site), "KERAS_BACKEND": "numpy"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path, env=env, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(site / "keras_resnet/__init__.py"), "271098", "273658"]
