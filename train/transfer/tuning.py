"""A network with other classes: first its head, then its last stages by the one trainer."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.recursion import functional
from keras_resnet.utils.schema import parse
from keras_resnet.weights.readers import HEAD
from train.runs import folder as folders
from train.runs.difference import difference
from train.runs.files import RECORD
from train.runs.record import read_record
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.settings.recipes import PLANNED
from train.trainer import fitting, trainer
from train.trainer.checkpoint import ACCURACY, HISTORY, Progress
from train.trainer.fitting import Result
from train.trainer.model import inference_model
from train.trainer.trainer import Training
from train.transfer import features
from train.transfer import plan as plans
from train.transfer.head import Head, fit
from train.transfer.plan import Plan
from train.utils.table import write_csv


def fit_head(training: Training) -> Head:
    """Fits a head on the features of photographs, and says how good it is."""
    images, held_out = training.images, training.held_out
    computed = features.compute(training, [images, held_out])
    x, x_held = computed.features
    head = fit(
        x, images.labels, (x_held, held_out.labels), training.network.classes,
        training.recipe.class_weight,
    )  # fmt: skip
    print(
        f"head alone: {head.validation_accuracy:.2%} of {len(held_out)} held-out images "
        f"({computed.computed:,} new features in {computed.seconds:.0f} s)",
        flush=True,
    )
    return head


def plan(
    training: Training,
    execution: Execution,
    begun: Recipe | None,
    seconds: float,
    given: Sequence[str],
) -> tuple[Training, Plan]:
    """Chooses what is trained in some time, or goes on with what was begun.

    Args:
        training: With the recipe that was asked for.
        execution: As it was asked for.
        begun: The recipe of an unfinished run that was to take as long, which goes on.
        seconds: That it may take; 0 for the head alone.
        given: Fields of the recipe that the user decided.

    Returns:
        The training with the recipe that was chosen, and the plan.
    """
    model = functional(training.model.input, training.model.get_layer(HEAD).input)
    rate = plans.measure_rate(model, training.images.read(np.arange(1)))
    sizes = len(training.images), len(training.held_out)
    macs = plans.stage_macs(training.model)
    precision = training.execution.precision
    # What was begun goes on: a new look at the time could come to something else.
    kept = {name: getattr(begun, name) for name in PLANNED} if begun else {}
    recipe = replace(training.recipe, **kept)
    chosen = plans.choose(recipe, [*given, *kept], macs, rate, sizes, seconds, precision)
    again = trainer.prepare(
        training.network,
        chosen.recipe,
        training.data,
        execution,
        training.name,
        training.start,
    )
    return again, chosen


def tune(training: Training, folder: Path, head: Head, plan: Plan) -> Result:
    """Trains what the plan says, from a fitted head on; delivers what held-out images like best.

    Args:
        training: As `plan` gave it.
        folder: Of the run.
        head: Where it begins: if no epoch is better, the result, as epoch 0.
        plan: What is trained.
    """
    model = training.model
    model.get_layer(HEAD).set_weights([head.kernel, head.bias])
    if plan.head_only:  # its fit stands for an epoch
        row: dict[str, int | float | None] = {"epoch": 1, **head.measures()}
        write_csv(folder / HISTORY, [row])
        return Result(_delivery(training), Progress(epoch=1, history=[row]), 0)
    began = model.get_weights()
    result = fitting.fit(training, folder)
    best = result.progress.history[result.delivered_epoch - 1][ACCURACY]
    count = len(training.held_out)  # right answers are compared, as Keras rounds to float32
    if best is not None and round(best * count) >= round(head.validation_accuracy * count):
        print(f"delivered: epoch {result.delivered_epoch}, {best:.2%} of the held-out images")
        return result
    print(f"delivered: the head alone, as no epoch was better than {head.validation_accuracy:.2%}")
    model.set_weights(began)
    return result._replace(model=_delivery(training), delivered_epoch=0)


def _delivery(training: Training) -> keras.Model:
    return inference_model(
        training.network, training.recipe, training.normalization, training.model
    )


def check_stages(training: Training) -> None:
    """Checks that a network has stages, of which the last ones can learn.

    Raises:
        InputError: if not.
    """
    if not any(plans.stage_macs(training.model).values()):
        raise InputError(f"{training.name} has no stages: give a residual --model.")


def begun(folder: Path, description: Mapping[str, Any], given: Sequence[str] = ()) -> Recipe | None:
    """The recipe of an unfinished run, if there is one that is meant.

    Args:
        folder: Of the run.
        description: Of the run, but for the fields of the recipe that a plan decides.
        given: Fields of the recipe that the user decided, and no plan.

    Raises:
        InputError: if the folder holds something else, or another run.
    """
    recipe = dict(description["recipe"])
    if not os.path.exists(folder / RECORD):  # unlike `Path.exists`, of folders without entry too
        folders.check_claim(folder, {**description})
        return None
    there = read_record(folder)
    planned = [name for name in PLANNED if name in there["recipe"] and name not in given]
    recipe |= {name: there["recipe"][name] for name in planned}
    here = {**description, "recipe": recipe}
    done = there["status"] == "finished" and not difference(there, here)
    if done and not (folder / FORMAT_FILES["int8"]).exists():
        raise InputError(
            f"{folder} holds this run, finished but for its int8 file, which `python -m "
            f"train.export --run={shlex.quote(str(folder))} --formats=int8` writes."
        )
    folders.check_claim(folder, here)
    return parse(Recipe, recipe, "recipe")
