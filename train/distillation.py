"""Distillation: a small network learns what a larger one says, instead of labels.

The teacher looks at the very crops and flips that the student learns from (Beyer et al. 2022,
https://arxiv.org/abs/2106.05237), a few of each image, once and beforehand. Its logits are divided
by a temperature (Hinton et al. 2015, https://arxiv.org/abs/1503.02531), so that the student hears
more of its doubts.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from keras_resnet import Spec
from keras_resnet.errors import InputError
from keras_resnet.files import replacing
from train import results, run
from train.devices import policy
from train.engine import Training, network
from train.pipeline import view_batches
from train.recipe import Recipe
from train.run import WEIGHTS

SAID = "teacher.safetensors"
HEARD = ("teacher", "temperature", "views", "crop", "flip", "seed", "validation_fraction")


def targets(training: Training, classes: Sequence[str], cache: Path) -> np.ndarray | None:
    """What the teacher of a recipe says of the training images.

    Args:
        training: Whose recipe may name the run folder of a teacher.
        classes: Their names.
        cache: The file where this is kept, as it takes minutes; another teacher's is replaced.

    Returns:
        `(views, n, classes)` float16 probabilities, or `None` if there is no teacher.

    Raises:
        InputError: if the teacher is no finished run, or takes other images or knows other classes.
    """
    recipe = training.recipe
    if not recipe.teacher:
        return None
    teacher = check(recipe, training.spec, classes)
    settings = {name: value for name, value in asdict(recipe).items() if name in HEARD}
    settings["sha256"] = hashlib.sha256((Path(recipe.teacher) / WEIGHTS).read_bytes()).hexdigest()
    heard = json.dumps(settings)
    with run.in_turn(cache.with_suffix(".lock")):  # workers of a search ask once for all
        known = _read(cache, heard)
        if known is None:
            known = _ask(training, teacher)
            with replacing(cache) as partial:
                partial.write_bytes(save({"targets": known}, {"heard": heard}))
    return known


def check(recipe: Recipe, spec: Spec, classes: Sequence[str]) -> results.Restored:
    """Reads the teacher of a recipe, for a network on data of some classes.

    Raises:
        InputError: if it is no finished run, or takes other images or knows other classes.
    """
    teacher = results.restore(Path(recipe.teacher))
    theirs, ours = teacher.spec.input_shape, spec.input_shape
    if theirs != ours or teacher.card.labels != tuple(classes):
        raise InputError(
            f"teacher {recipe.teacher} tells {', '.join(teacher.card.labels)} apart on images of "
            f"{theirs}, and the data have {', '.join(classes)} on {ours}: give another."
        )
    return teacher


def _read(cache: Path, heard: str) -> np.ndarray | None:
    try:
        with safe_open(cache, "numpy") as file:
            return file.get_tensor("targets") if file.metadata()["heard"] == heard else None
    except FileNotFoundError:
        return None
    except (SafetensorError, KeyError, TypeError) as error:
        print(f"{cache} is damaged ({error}): asking the teacher again.")
        return None


def _ask(training: Training, teacher: results.Restored) -> np.ndarray:
    recipe, images = training.recipe, training.images.images
    print(f"{recipe.teacher} looks at {recipe.views} views of {len(images)} images", flush=True)
    with policy(training.execution.precision):
        model = network(teacher.spec, teacher.scale, None)
    model.set_weights(teacher.model.get_weights())
    model.compile(jit_compile=False)  # XLA is slow on CPUs
    said = []
    for view in range(recipe.views):
        batches = view_batches(images, training.scale[0], recipe, view)
        said.append(_soften(model.predict(batches, verbose=0), recipe.temperature))
    return np.stack(said)


def _soften(logits: np.ndarray, temperature: float) -> np.ndarray:
    powers = np.exp((logits - logits.max(-1, keepdims=True)) / temperature)
    return (powers / powers.sum(-1, keepdims=True)).astype(np.float16)
