"""Imports point one way, and the builders need no TensorFlow."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("keras_resnet/*.py"), *ROOT.glob("train/*.py")])


def imported(path):
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(path):
    return {name.split(".")[0] for name in imported(path)}


def test_the_library_knows_nothing_of_training():
    library = set().union(*(packages(path) for path in ROOT.glob("keras_resnet/*.py")))
    assert "keras" in library
    assert not library & {"train", "absl", "tensorflow_datasets", "keras_tuner", "sklearn"}


PLAIN = [
    "keras_resnet/errors.py",
    "keras_resnet/options.py",
    "keras_resnet/parts.py",
    "keras_resnet/spec.py",
    "keras_resnet/deep.py",
    "keras_resnet/cost.py",
    "keras_resnet/family.py",
    "train/recipe.py",
    "train/signals.py",
]


def test_tensorflow_is_in_few_named_places():
    named = {path.relative_to(ROOT).as_posix() for path in FILES if "tensorflow" in packages(path)}
    assert named == {
        "keras_resnet/formats.py",
        "keras_resnet/saved_model.py",
        "keras_resnet/tflite.py",
        "train/__init__.py",
        "train/devices.py",
        "train/environment.py",
        "train/fused.py",
        "train/pipeline.py",
        "train/run.py",
        "train/sources.py",
        "train/state.py",
    }


@pytest.mark.parametrize("path", PLAIN)
def test_plain_data_needs_only_the_standard_library(path):
    outside = packages(ROOT / path) - {*sys.stdlib_module_names, "keras_resnet"}
    assert not outside


# Each file may import those named before it, and no other of its package.
LAYERS = {
    "keras_resnet": (
        "errors options parts spec deep cost family files checkpoints weights pretrained layers "
        "network transfer convert imagenet_utils zoo resnet resnet50 resnet_v2 fold schema "
        "metadata tflite saved_model formats"
    ),
    "train": (
        "quiet recipe schedules optimizers data sources pipeline fused devices signals environment "
        "run checkpoint state callbacks engine flags results distillation latency comparison qat "
        "cifar predict convert export space budget oracles forecast line trial front workers "
        "search tune"
    ),
}


@pytest.mark.parametrize("package", LAYERS)
def test_imports_point_one_way(package):
    order = LAYERS[package].split()
    assert {*order, "__init__"} == {path.stem for path in ROOT.glob(f"{package}/*.py")}
    for place, module in enumerate(order):
        inside = {
            name.split(".")[1]
            for name in imported(ROOT / package / f"{module}.py")
            if name.startswith(f"{package}.") and name.split(".")[1] in order
        }
        assert inside <= set(order[:place]), module


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_builders_run_without_tensorflow(python, backend):
    code = (
        "import sys, keras, keras_resnet;"
        "model = keras_resnet.ResNet8();"
        "keras_resnet.ResNet8(order='full_preact');"
        "assert keras.backend.backend() == sys.argv[1];"
        "assert 'tensorflow' not in sys.modules, 'tensorflow came in';"
        "print(model.count_params())"
    )
    assert python("-c", code, backend, KERAS_BACKEND=backend).stdout.strip() == "75770"


def test_importing_the_package_adds_little_to_importing_keras(python):
    code = (
        "import keras, time; begin = time.process_time(); import keras_resnet;"
        "print(time.process_time() - begin)"
    )
    assert float(python("-c", code, KERAS_BACKEND="numpy").stdout) < 0.2
