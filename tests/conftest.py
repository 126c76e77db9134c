"""What tests share: a digits run trained once by the real command."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from absl.flags import FLAGS

# As `train` does, before which some tests import Keras.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

ROOT = Path(__file__).parent.parent
# Files of a minute and more: begun first, so that no process waits for another at the end.
LONG = ("test_survive", "test_search", "test_tflite", "test_browser", "test_replicas")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in LONG)


def run_python(*arguments, check=True, **environment):
    """Runs Python as a user would, from the root of the repository."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(autouse=True)
def seeded():
    """Each test has the same weights in every run, whichever tests ran before it."""
    import keras  # not above: the process that only hands out tests would start TensorFlow

    keras.utils.set_random_seed(0)


@pytest.fixture
def command():
    """Runs a command's `main` with flags; those of a test do not leak into the next."""

    def forget():
        for name in FLAGS:
            FLAGS[name].unparse()

    def call(module, *arguments):
        forget()
        module.main(FLAGS(["command", *map(str, arguments)])[1:])

    yield call
    forget()


@pytest.fixture(scope="session")
def python():
    return run_python


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory, worker_id):
    """A run folder of two epochs on digits, made by the first process that needs it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "digits"
    with open(folder.with_suffix(".made"), "a+") as made:
        fcntl.flock(made, fcntl.LOCK_EX)
        made.seek(0)
        if not made.read():
            run_python(
                "-m", "train.cifar", "--dataset=digits", "--model=resnet8", "--epochs=2",
                "--batch_size=64", "--tensorboard", f"--output_dir={folder}",
            )  # fmt: skip
            made.write("yes")
    return folder
