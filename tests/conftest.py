"""What tests share: processes, commands, and a digits run trained once by the real command."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock

from tests import forked

# As `train.backend` does, before which some tests import Keras.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

ROOT = Path(__file__).parent.parent
DURATIONS = ROOT / "tests/durations.json"  # seconds of each file, by `make durations`
UNIT = "pytest.mark.unit"


def pytest_addoption(parser):
    parser.addoption("--store-durations", action="store_true", help="write tests/durations.json")


def pytest_ignore_collect(collection_path, config):
    """Of `-m unit`, only files of such tests are imported: others import TensorFlow."""
    is_test = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    if config.option.markexpr == "unit" and is_test and UNIT not in collection_path.read_text():
        return True
    return None


def pytest_collection_modifyitems(items):
    """The longest files first, so that no process waits for another at the end."""
    known = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
    items.sort(key=lambda item: -known.get(_file(item.nodeid), 0.0))


SECONDS: Counter = Counter()


def pytest_runtest_logreport(report):
    SECONDS[_file(report.nodeid)] += report.duration


def _file(nodeid):
    return nodeid.split("::")[0]


def pytest_sessionfinish(session):
    if session.config.getoption("--store-durations") and not hasattr(session.config, "workerinput"):
        rows = {file: round(seconds, 1) for file, seconds in SECONDS.most_common()}
        DURATIONS.write_text(json.dumps(rows, indent=2) + "\n")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """What is kept of files, for the processes of tests as well, is not in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def seeded(request):
    """Each test has the same weights in every run, whichever tests ran before it."""
    if request.node.get_closest_marker("unit") is None:
        import keras  # not above: the process that only hands out tests would start TensorFlow

        keras.utils.set_random_seed(0)


@pytest.fixture
def command():
    """Runs a command on flags as they are written, without a process."""

    def call(module, *arguments):
        return module.main(module.COMMAND.parse(list(map(str, arguments))))

    return call


@pytest.fixture(scope="session")
def python():
    """Runs Python in a process that has imported TensorFlow already."""
    return forked.run


@pytest.fixture(scope="session")
def fresh_python():
    """Runs Python in an interpreter of its own."""
    return forked.run_fresh


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory, worker_id):
    """A run folder of two epochs on digits, made by the first process that needs it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "digits"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.with_suffix(".made").exists():
            forked.run(
                "-m", "train.cifar", "--dataset=digits", "--model=resnet8",
                "--width_multiplier=0.5", "--epochs=2", "--batch_size=64", "--tensorboard",
                f"--output_dir={folder}",
            )  # fmt: skip
            folder.with_suffix(".made").touch()
    return folder


@pytest.fixture
def train_again():
    """Makes another run of a copied one, in its folder: what was probable is improbable."""

    def change(folder):
        import keras

        from train.runs.record import file_sums, read_record, write_record

        model = keras.saving.load_model(folder / "model.keras")
        model.layers[-1].set_weights([-array for array in model.layers[-1].get_weights()])
        model.save_weights(folder / "model.weights.h5")
        write_record(folder, read_record(folder) | {"files": file_sums(folder)})

    return change
