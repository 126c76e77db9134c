"""Imports point one way, and the framework stands in few named rooms."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A room may import those named before it, and itself.
LIBRARY = (
    "utils spec families imagenet_utils weights assembly layers network comparison backbone "
    "convert models export"
)
TRAIN = (
    "utils settings data backend trainer runs transfer compress measure evaluation analysis "
    "experiments search flags"
)
ROOMS = {"keras_resnet": LIBRARY.split(), "train": TRAIN.split()}
TENSORFLOW = {"keras_resnet/export", "train/backend/tensorflow", "train/data/tfds.py"}
OTHERS = {
    "keras_resnet": {"resnet", "resnet50", "resnet_v2", "__init__"},  # aliases of models; all names
    "train": {
        "cifar",
        "tune",
        "export",
        "predict",
        "convert",
        "imagenet",
        "finetune",
        "workflow",  # of two of them
        "beginning",  # of three
        "evaluate",
        "reproduce",
        "analyze",
        "__init__",
    },  # the commands
}


def files(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path):
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", ROOMS)
def test_imports_point_one_way(package):
    order = ROOMS[package]
    for path in files(package):
        room = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        if room in OTHERS[package]:
            continue
        inside = {n.split(".")[1] for n in imported(path) if n.startswith(f"{package}.")}
        assert inside <= {*order[: order.index(room) + 1]}, path


@pytest.mark.parametrize("package", ROOMS)
def test_every_file_has_its_room(package):
    rooms = {p.relative_to(ROOT / package).parts[0].removesuffix(".py") for p in files(package)}
    assert rooms == {*ROOMS[package], *OTHERS[package]}


def test_the_library_knows_nothing_of_training():
    library = {n.split(".")[0] for path in files("keras_resnet") for n in imported(path)}
    assert "keras" in library
    assert not library & {"train", "absl", "tensorflow_datasets", "keras_tuner", "sklearn"}


def test_tensorflow_is_in_its_rooms_only():
    for path in [*files("keras_resnet"), *files("train")]:
        name = path.relative_to(ROOT).as_posix()
        if "tensorflow" in {n.split(".")[0] for n in imported(path)}:
            assert any(name.startswith(room) for room in TENSORFLOW), name


PLAIN = [
    "keras_resnet", "keras_resnet.spec", "keras_resnet.families", "train.settings.recipe",
    "train.settings.data", "train.settings.execution", "train.runs.record", "train.search.space",
    "train.flags", "train.cifar", "train.finetune", "train.tune", "train.export", "train.predict",
    "train.convert", "train.evaluate", "train.evaluation.record", "train.analyze",
    "train.data.survey",
]  # fmt: skip
HEAVY = ["h5py", "jax", "keras", "matplotlib", "scipy", "sklearn", "tensorflow"]


def test_plain_data_need_no_heavy_package(fresh_python):
    """Records, recipes, search spaces, and what `--help` says."""
    code = f"import sys, {', '.join(PLAIN)}; print(*{{*{HEAVY}}} & sys.modules.keys())"
    assert fresh_python("-c", code).stdout.split() == []


@pytest.mark.parametrize("backend", ["numpy", pytest.param("jax", marks=pytest.mark.slow)])
def test_builders_run_without_tensorflow(fresh_python, backend):
    code = (
        "import sys, keras, keras_resnet;"
        "model = keras_resnet.ResNet8();"
        "keras_resnet.ResNet8(activation_order='full_preact');"
        "assert keras.backend.backend() == sys.argv[1];"
        "assert 'tensorflow' not in sys.modules, 'tensorflow came in';"
        "print(model.count_params())"
    )
    assert fresh_python("-c", code, backend, KERAS_BACKEND=backend).stdout.strip() == "75770"


def test_importing_the_package_adds_little_to_importing_keras(fresh_python):
    code = (
        "import time; begin = time.process_time(); import keras; keras_done = time.process_time();"
        "import keras_resnet; keras_resnet.ResNet8;"
        "print(keras_done - begin, time.process_time() - keras_done)"
    )
    keras, ours = map(float, fresh_python("-c", code, KERAS_BACKEND="numpy").stdout.split())
    assert ours < keras / 4
