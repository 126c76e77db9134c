"""Knowledge distillation: a small network learns the predictions of a larger one, or of several.

The teachers see the very crops and flips that the student is trained on (Beyer et al. 2022,
https://arxiv.org/abs/2106.05237): a pool of augmentations of each image, predicted once beforehand.
Their logits are divided by a temperature (Hinton et al. 2015, https://arxiv.org/abs/1503.02531); of
several teachers the mean of the probabilities is taken. Labels may have a share in the targets.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from keras_resnet.export.fold import fold
from keras_resnet.families import NetworkConfig
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, contrast
from keras_resnet.utils.files import sha256
from train.backend import backend
from train.data.augment import mix, mixed_labels
from train.data.dataset import Split
from train.data.draws import epoch_plan
from train.runs.files import WEIGHTS
from train.runs.locks import file_lock
from train.runs.restore import FinishedRun, restore
from train.settings.recipe import Recipe
from train.trainer.model import network_model
from train.trainer.precision import policy
from train.trainer.trainer import Training
from train.utils.stop_signals import Stopped, stop_requests

TEACHER_CACHE = "teacher.safetensors"
CACHE_KEY_FIELDS = (  # all that decides what a teacher sees, and how it is read
    "teacher", "temperature", "crop", "crop_padding", "border", "min_scale", "max_scale",
    "min_area", "max_aspect", "flip", "mixup", "cutmix", "color_jitter", "lighting",
    "random_erasing", "cutout", "seed", "validation_fraction",
)  # fmt: skip


def teacher_targets(training: Training, cache: Path) -> np.ndarray | None:
    """What a student learns of the training images, in each augmentation of the pool.

    That is its teachers' probabilities, and the labels as far as the recipe says.

    Args:
        training: Whose recipe may name run folders of teachers.
        cache: The file that keeps the probabilities, each augmentation as soon as it is known, as
            one takes minutes; those of other teachers are replaced.

    Returns:
        `(pool, n, classes)` float16, of no more augmentations than there are epochs; `None` if
        there is no teacher.

    Raises:
        InputError: if one is no finished run, or takes other images or knows other classes.
        Stopped: after SIGINT, SIGTERM or SIGHUP, when an augmentation is kept.
    """
    recipe = training.recipe
    if not recipe.teacher:
        return None
    teachers = _restore_teachers(recipe, training.network, training.data.classes)
    pool = min(recipe.augmentation_pool, recipe.epochs)
    settings = {name: value for name, value in asdict(recipe).items() if name in CACHE_KEY_FIELDS}
    settings["data"] = training.data.fingerprint
    cache_key = json.dumps(settings | teacher_checksums(recipe))
    with file_lock(cache.with_suffix(".lock")):  # the workers of a search predict once for all
        cached = _read(cache, cache_key)
        if len(cached) < pool:
            models = [_prediction_model(run, training.execution.precision) for run in teachers]
        with stop_requests() as requests:
            for number in range(len(cached), pool):
                print(
                    f"predicting with {recipe.teacher}: augmentation {number + 1} of {pool}",
                    flush=True,
                )
                predicted = predict_augmentation(models, training.images, recipe, number)
                cached.append(predicted)
                with replacing(cache) as partial:
                    content = save({"targets": np.stack(cached)}, {"key": cache_key})
                    partial.write_bytes(content)
                if requests:
                    raise Stopped(f"{requests[0]}: stopped, and kept the teachers' predictions.")
    return np.stack(
        [_with_labels(each, training, number) for number, each in enumerate(cached[:pool])]
    )


def _with_labels(predicted: np.ndarray, training: Training, number: int) -> np.ndarray:
    """The mean of what teachers predict in an augmentation and its labels, weighted."""
    recipe, images = training.recipe, training.images
    plan = epoch_plan(recipe, len(images), number)
    labels = mixed_labels(images, recipe, predicted.shape[1], np.arange(len(images)), plan)
    return mix(predicted, labels, np.array([recipe.label_share])).astype(np.float16)


def teacher_checksums(recipe: Recipe) -> dict[str, dict[str, str]]:
    """For a record: the teachers that a recipe names, by the SHA-256 of their weights.

    Raises:
        InputError: if one has no weights.
    """
    sums = {}
    for folder in _folders(recipe):
        if not (folder / WEIGHTS).is_file():
            raise InputError(f"teacher {folder} has no {WEIGHTS}: put it back, or give another.")
        sums[str(folder)] = sha256(folder / WEIGHTS)
    return {"teachers": sums} if sums else {}


def check_teachers(
    recipe: Recipe, network: NetworkConfig, classes: Sequence[str], student: Path
) -> None:
    """Checks the teachers of a recipe, if any, before anything is written.

    Args:
        recipe: Which may name some.
        network: The network that is to learn from them.
        classes: Their names.
        student: The folder that it will have.

    Raises:
        InputError: if one is no finished run, takes other images or knows other classes, or is in
            that folder; or if there is none, but a setting for it.
    """
    for name in ("temperature", "label_share"):
        value = getattr(recipe, name)
        if not recipe.teacher and value != getattr(Recipe, name):
            raise InputError(
                f"--{name}={value:g} is for the targets of a --teacher: give one, or leave it out."
            )
    _restore_teachers(recipe, network, classes)
    if student.resolve() in [folder.resolve() for folder in _folders(recipe)]:
        raise InputError(
            f"teacher {student} is in the folder of its student: choose another --output_dir."
        )


def predict_augmentation(
    models: Sequence[keras.Model], images: Split, recipe: Recipe, number: int
) -> np.ndarray:
    """Softened probabilities for all images in one augmentation of the pool, or of an epoch.

    Args:
        models: From raw images to logits; the mean of their probabilities is taken.
        images: What they predict.
        recipe: Of which the augmentation and the temperature are read.
        number: Of the augmentation.

    Returns:
        `(n, classes)` float16.
    """
    batches = backend().pool_batches(images, recipe, number)
    with backend().explain_errors():
        logits = [model.predict(batches, verbose=0) for model in models]
    return np.mean([_soften(each, recipe.temperature) for each in logits], 0).astype(np.float16)


def _restore_teachers(
    recipe: Recipe, network: NetworkConfig, classes: Sequence[str]
) -> list[FinishedRun]:
    teachers = []
    for folder in _folders(recipe):
        teacher = restore(folder)
        theirs, ours = teacher.network.input_shape, network.input_shape
        if theirs != ours or teacher.card.labels != tuple(classes):
            known, wanted = contrast(teacher.card.labels, classes, 10)
            raise InputError(
                f"teacher {folder} tells {known} apart on images of {theirs}, and the data have "
                f"{wanted} on {ours}: give another."
            )
        teachers.append(teacher)
    return teachers


def _folders(recipe: Recipe) -> list[Path]:
    return [Path(folder) for folder in recipe.teacher.split(",")] if recipe.teacher else []


def _read(cache: Path, cache_key: str) -> list[np.ndarray]:
    """The augmentations whose predictions are kept."""
    try:
        with safe_open(cache, "numpy") as file:
            return [*file.get_tensor("targets")] if file.metadata()["key"] == cache_key else []
    except FileNotFoundError:
        return []
    except (SafetensorError, KeyError, TypeError) as error:
        print(f"{cache} is damaged ({error}): the teachers predict again.")
        return []


def _prediction_model(teacher: FinishedRun, precision: str) -> keras.Model:
    """The teacher in the form that computes fast here, with logits."""
    with policy(precision):
        model = network_model(teacher.network, teacher.normalization, None)
    model.set_weights(teacher.model.get_weights())
    model = fold(model)
    model.compile(**backend().compile_settings())
    return model


def _soften(logits: np.ndarray, temperature: float) -> np.ndarray:
    powers = np.exp((logits - logits.max(-1, keepdims=True)) / temperature)
    return powers / powers.sum(-1, keepdims=True)
