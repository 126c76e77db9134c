"""What holds for a training on TensorFlow holds on JAX, and both train alike."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow
JAX = {"KERAS_BACKEND": "jax"}
FEW_STEPS = """
import sys
from pathlib import Path
from train.backend import backend
backend()
import numpy as np
from tests.train.trainer import survive
from train.data.dataset import Data
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import fitting, trainer

folder, weights = Path(sys.argv[1]), Path(sys.argv[2])
data = Data("colours", ("red", "green", "blue"), survive.colours(160), survive.colours(30))
recipe = Recipe(epochs=2, batch_size=16, learning_rate=0.01, mixup=0.3, crop_padding=2)
spec = survive.Spec(blocks=(1, 1), widths=(8, 16))
training = trainer.prepare(spec, recipe, data, Execution(precision="float32"))
names = [f"{i:04}" for i in range(len(training.model.weights))]
if weights.exists():
    training.model.set_weights([np.load(weights)[name] for name in names])
else:
    np.savez(weights, **dict(zip(names, training.model.get_weights())))
fitting.fit(training, folder)
"""


def test_the_first_epochs_are_those_of_tensorflow_up_to_rounding(python, fresh_python, tmp_path):
    python("-c", FEW_STEPS, tmp_path / "tf", tmp_path / "weights.npz")
    fresh_python("-c", FEW_STEPS, tmp_path / "jax", tmp_path / "weights.npz", **JAX)
    rows = [
        np.genfromtxt(tmp_path / name / "history.csv", delimiter=",", names=True)
        for name in ("tf", "jax")
    ]
    for column in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
        np.testing.assert_allclose(*(row[column] for row in rows), rtol=2e-3, err_msg=column)


def test_kills_do_not_change_a_bit_on_jax(fresh_python):
    arguments = "--kills=3", "--precision=float32"
    said = fresh_python("-m", "tests.train.trainer.survive", *arguments, **JAX).stdout
    assert "equal to the bit" in said.splitlines()[-1]


@pytest.mark.parametrize("name", ["checkpoint", "optimizers", "survive", "trainer"])
def test_the_tests_of_a_training_pass_on_jax(name, fresh_python):
    """Slow ones as well, but for dozens of kills, and for bfloat16, which is that of TensorFlow."""
    file = f"tests/train/trainer/test_{name}.py"
    some = "not 25 and not more1 and not mixed_bfloat16"
    fresh_python("-m", "pytest", "-q", "-n", "0", "-k", some, file, **JAX)


def test_a_run_on_jax_names_the_command_for_other_files(fresh_python, tmp_path):
    run = tmp_path / "run"
    arguments = (
        "--dataset=digits", "--model=resnet8", "--blocks=1", "--widths=16", "--image_size=8",
        "--epochs=1", "--batch_size=64", f"--output_dir={run}",
    )  # fmt: skip
    said = fresh_python("-m", "train.cifar", *arguments, **JAX).stdout
    assert f"KERAS_BACKEND=tensorflow python -m train.export --run={run}" in said
    refused = fresh_python("-m", "train.export", f"--run={run}", check=False, **JAX)
    assert refused.returncode == 1
    assert "give this command again with KERAS_BACKEND=tensorflow" in refused.stderr
