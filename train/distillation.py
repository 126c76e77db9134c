"""Distillation: a small network learns what a larger one, or several, say instead of labels.

The teacher looks at the very crops and flips that the student learns from (Beyer et al. 2022,
https://arxiv.org/abs/2106.05237), a few of each image, once and beforehand. Its logits are divided
by a temperature (Hinton et al. 2015, https://arxiv.org/abs/1503.02531), so that the student hears
more of its doubts; of several teachers it hears the mean.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from keras_resnet import Spec
from keras_resnet.errors import InputError
from keras_resnet.files import replacing
from keras_resnet.fold import fold
from train import results, run
from train.devices import policy
from train.engine import Training, network
from train.pipeline import view_batches
from train.recipe import Recipe
from train.run import WEIGHTS

SAID = "teacher.safetensors"
HEARD = (
    "teacher", "temperature", "views", "crop", "flip", "mixup", "seed", "validation_fraction",
)  # fmt: skip


def targets(training: Training, classes: Sequence[str], cache: Path) -> np.ndarray | None:
    """What the teachers of a recipe say of the training images.

    Args:
        training: Whose recipe may name run folders of teachers.
        classes: Their names.
        cache: The file where this is kept, each view as soon as it is known, as one takes minutes;
            what other teachers said is replaced.

    Returns:
        `(views, n, classes)` float16 probabilities, or `None` if there is no teacher.

    Raises:
        InputError: if one is no finished run, or takes other images or knows other classes.
    """
    recipe = training.recipe
    if not recipe.teacher:
        return None
    teachers = check(recipe, training.spec, classes)
    settings = {name: value for name, value in asdict(recipe).items() if name in HEARD}
    settings["sha256"] = [_sum(folder / WEIGHTS) for folder in _folders(recipe)]
    heard = json.dumps(settings)
    with run.in_turn(cache.with_suffix(".lock")):  # workers of a search ask once for all
        said = _read(cache, heard)
        for words in _ask(training, teachers, len(said)):
            said.append(words)
            with replacing(cache) as partial:
                partial.write_bytes(save({"targets": np.stack(said)}, {"heard": heard}))
    return np.stack(said)


def check(recipe: Recipe, spec: Spec, classes: Sequence[str]) -> list[results.Restored]:
    """Reads the teachers of a recipe, for a network on data of some classes.

    Raises:
        InputError: if one is no finished run, or takes other images or knows other classes.
    """
    teachers = []
    for folder in _folders(recipe):
        teacher = results.restore(folder)
        theirs, ours = teacher.spec.input_shape, spec.input_shape
        if theirs != ours or teacher.card.labels != tuple(classes):
            raise InputError(
                f"teacher {folder} tells {', '.join(teacher.card.labels)} apart on images of "
                f"{theirs}, and the data have {', '.join(classes)} on {ours}: give another."
            )
        teachers.append(teacher)
    return teachers


def _folders(recipe: Recipe) -> list[Path]:
    return [Path(folder) for folder in recipe.teacher.split(",")]


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(cache: Path, heard: str) -> list[np.ndarray]:
    """The views that are known."""
    try:
        with safe_open(cache, "numpy") as file:
            return [*file.get_tensor("targets")] if file.metadata()["heard"] == heard else []
    except FileNotFoundError:
        return []
    except (SafetensorError, KeyError, TypeError) as error:
        print(f"{cache} is damaged ({error}): asking the teacher again.")
        return []


def _ask(
    training: Training, teachers: Sequence[results.Restored], first: int
) -> Iterator[np.ndarray]:
    """What is said in each view, from the `first` one on."""
    recipe, images = training.recipe, training.images.images
    if first == recipe.views:
        return
    models = [_model(teacher, training.execution.precision) for teacher in teachers]
    for view in range(first, recipe.views):
        print(f"asking {recipe.teacher}: view {view + 1} of {recipe.views}", flush=True)
        batches = view_batches(images, recipe, view)
        words = [_soften(model.predict(batches, verbose=0), recipe.temperature) for model in models]
        yield np.mean(words, 0).astype(np.float16)


def _model(teacher: results.Restored, precision: str) -> keras.Model:
    """The teacher as it computes fast here, with logits."""
    with policy(precision):
        model = network(teacher.spec, teacher.scale, None)
    model.set_weights(teacher.model.get_weights())
    model = fold(model)
    model.compile(jit_compile=False)  # XLA is slow on CPUs
    return model


def _soften(logits: np.ndarray, temperature: float) -> np.ndarray:
    powers = np.exp((logits - logits.max(-1, keepdims=True)) / temperature)
    return powers / powers.sum(-1, keepdims=True)
