"""Distillation: a small network learns what a larger one says, instead of labels.

The teacher looks at the very crops and flips that the student learns from (Beyer et al. 2022,
https://arxiv.org/abs/2106.05237), a few of each image, once and beforehand. Its logits are divided
by a temperature (Hinton et al. 2015, https://arxiv.org/abs/1503.02531), so that the student hears
more of its doubts.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from keras_resnet.errors import InputError
from keras_resnet.files import replacing
from train import results
from train.devices import policy
from train.engine import Training, network
from train.pipeline import view_batches

SAID = "teacher.safetensors"
HEARD = ("teacher", "temperature", "views", "crop", "flip", "seed", "validation_fraction")


def targets(training: Training, cache: Path) -> np.ndarray | None:
    """What the teacher of a recipe says of the training images.

    Args:
        training: Whose recipe may name the run folder of a teacher.
        cache: The file where this is kept, as it takes minutes; another teacher's is replaced.

    Returns:
        `(views, n, classes)` float16 probabilities, or `None` if there is no teacher.

    Raises:
        InputError: if the teacher is no finished run, or takes other images or knows other classes.
    """
    recipe = training.recipe
    if not recipe.teacher:
        return None
    settings = asdict(recipe)
    heard = json.dumps({name: settings[name] for name in HEARD})
    known = _read(cache, heard)
    if known is None:
        known = _ask(training)
        with replacing(cache) as partial:
            partial.write_bytes(save({"targets": known}, {"heard": heard}))
    return known


def _read(cache: Path, heard: str) -> np.ndarray | None:
    try:
        with safe_open(cache, "numpy") as file:
            return file.get_tensor("targets") if file.metadata()["heard"] == heard else None
    except FileNotFoundError:
        return None
    except (SafetensorError, KeyError, TypeError) as error:
        print(f"{cache} is damaged ({error}): asking the teacher again.")
        return None


def _ask(training: Training) -> np.ndarray:
    recipe, images = training.recipe, training.images.images
    teacher = results.restore(Path(recipe.teacher))
    theirs, ours = teacher.spec, training.spec
    if (theirs.input_shape, theirs.classes) != (ours.input_shape, ours.classes):
        raise InputError(
            f"teacher {recipe.teacher} tells {theirs.classes} classes of images "
            f"{theirs.input_shape} apart, and the data have {ours.classes} of {ours.input_shape}."
        )
    print(f"{recipe.teacher} looks at {recipe.views} views of {len(images)} images", flush=True)
    with policy(training.execution.precision):
        model = network(theirs, teacher.scale, None)
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
