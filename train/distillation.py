"""Distillation: a small network learns what a larger one, or several, say instead of labels.

The teacher looks at the very crops and flips that the student learns from (Beyer et al. 2022,
https://arxiv.org/abs/2106.05237), a few of each image, once and beforehand. Its logits are divided
by a temperature (Hinton et al. 2015, https://arxiv.org/abs/1503.02531), so that the student hears
more of its doubts; of several teachers it hears the mean.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from keras_resnet import Spec
from keras_resnet.errors import InputError
from keras_resnet.files import replacing, sha256
from keras_resnet.fold import fold
from train import results, run
from train.devices import enough_memory, policy
from train.engine import Training, network
from train.pipeline import view_batches
from train.recipe import Recipe
from train.run import WEIGHTS
from train.signals import Stopped, requests

SAID = "teacher.safetensors"
HEARD = (
    "teacher", "temperature", "crop", "flip", "mixup", "seed", "validation_fraction",
)  # fmt: skip


def targets(training: Training, classes: Sequence[str], cache: Path) -> np.ndarray | None:
    """What the teachers of a recipe say of the training images.

    Args:
        training: Whose recipe may name run folders of teachers.
        classes: Their names.
        cache: The file where this is kept, each view as soon as it is known, as one takes minutes;
            what other teachers said is replaced.

    Returns:
        `(views, n, classes)` float16 probabilities, of no more views than there are epochs; `None`
        if there is no teacher.

    Raises:
        InputError: if one is no finished run, or takes other images or knows other classes.
        Stopped: after SIGINT or SIGTERM, when a view is kept.
    """
    recipe = training.recipe
    if not recipe.teacher:
        return None
    teachers, views = _restored(recipe, training.spec, classes), min(recipe.views, recipe.epochs)
    settings = {name: value for name, value in asdict(recipe).items() if name in HEARD}
    heard = json.dumps(settings | identity(recipe))
    with run.in_turn(cache.with_suffix(".lock")):  # workers of a search ask once for all
        said = _read(cache, heard)
        if len(said) < views:
            models = [_model(teacher, training.execution.precision) for teacher in teachers]
        with requests() as asked:
            for view in range(len(said), views):
                print(f"asking {recipe.teacher}: view {view + 1} of {views}", flush=True)
                said.append(_ask(models, training, view))
                with replacing(cache) as partial:
                    partial.write_bytes(save({"targets": np.stack(said)}, {"heard": heard}))
                if asked:
                    raise Stopped(f"{asked[0]}: stopped, and kept what teachers say of this view.")
    return np.stack(said[:views])


def identity(recipe: Recipe) -> dict[str, Any]:
    """For a record: the teachers that a recipe names, by the SHA-256 of their weights."""
    sums = {str(folder): sha256(folder / WEIGHTS) for folder in _folders(recipe)}
    return {"teachers": sums} if sums else {}


def check(recipe: Recipe, spec: Spec, classes: Sequence[str], student: Path) -> None:
    """Says before anything is written what speaks against the teachers of a recipe, if any.

    Args:
        recipe: Which may name some.
        spec: The network that is to learn from them.
        classes: Their names.
        student: The folder that it will have.

    Raises:
        InputError: if one is no finished run, takes other images or knows other classes, or is in
            that folder.
    """
    _restored(recipe, spec, classes)
    if student.resolve() in [folder.resolve() for folder in _folders(recipe)]:
        raise InputError(
            f"teacher {student} is in the folder of its student: choose another --output_dir."
        )


def _restored(recipe: Recipe, spec: Spec, classes: Sequence[str]) -> list[results.Restored]:
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
    return [Path(folder) for folder in recipe.teacher.split(",")] if recipe.teacher else []


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


def _ask(models: Sequence[keras.Model], training: Training, view: int) -> np.ndarray:
    """What teachers say of all images in a view."""
    recipe = training.recipe
    batches = view_batches(training.images.images, recipe, view)
    with enough_memory():
        logits = [model.predict(batches, verbose=0) for model in models]
    return np.mean([_soften(each, recipe.temperature) for each in logits], 0).astype(np.float16)


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
