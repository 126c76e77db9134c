"""A network with other classes: first its head, then its last stages by the one trainer."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import parse
from keras_resnet.weights.readers import HEAD
from train.runs.record import difference, read_record
from train.settings.execution import Execution
from train.settings.recipe import PLANNED, Recipe
from train.trainer import trainer
from train.trainer.checkpoint import ACCURACY, HISTORY, Progress
from train.trainer.checkpoint_callback import write_history
from train.trainer.model import inference_model
from train.trainer.trainer import Result, Training
from train.transfer import features
from train.transfer import plan as plans
from train.transfer.head import Head, fit
from train.transfer.plan import Plan


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
    folder: Path,
    seconds: float,
    given: Sequence[str],
) -> tuple[Training, Plan]:
    """Chooses what is trained in some time, or goes on with what was begun.

    Args:
        training: With the recipe that was asked for.
        execution: As it was asked for.
        folder: Of the run.
        seconds: That it may take; 0 for the head alone.
        given: Fields of the recipe that the user decided.

    Returns:
        The training with the recipe that was chosen, and the plan.
    """
    model = keras.Model(training.model.input, training.model.get_layer(HEAD).input)
    rate = plans.measure_rate(model, training.images.read(np.arange(1)))
    sizes = len(training.images), len(training.held_out)
    macs = plans.stage_macs(training.model)
    if not any(macs.values()):
        raise InputError(f"{training.name} has no stages: give a residual --model.")
    if seconds <= 0:
        given = [name for name in given if name not in PLANNED]
    precision = training.execution.precision
    chosen = plans.choose(training.recipe, given, macs, rate, sizes, seconds, precision)
    if seconds > 0 and (begun := _begun(training, folder)):
        kept = {name: getattr(begun, name) for name in PLANNED if name not in given}
        own = replace(chosen.recipe, **kept)
        chosen = Plan(own, own.frozen_stages == max(macs), chosen.seconds)
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
        write_history(folder / HISTORY, [row])
        return Result(_delivery(training), Progress(epoch=1, history=[row]), 1)
    began = model.get_weights()
    result = trainer.fit(training, folder)
    best = result.progress.history[result.delivered_epoch - 1][ACCURACY]
    if best is not None and best >= head.validation_accuracy:
        print(f"delivered: epoch {result.delivered_epoch}, {best:.2%} of the held-out images")
        return result
    print(f"delivered: the head alone, as no epoch was better than {head.validation_accuracy:.2%}")
    model.set_weights(began)
    return result._replace(model=_delivery(training), delivered_epoch=0)


def _delivery(training: Training) -> keras.Model:
    return inference_model(
        training.network, training.recipe, training.normalization, training.model
    )


def _begun(training: Training, folder: Path) -> Recipe | None:
    """The recipe of an unfinished run of the same network and photographs."""
    try:
        record = read_record(folder)
    except InputError:
        return None
    description = training.description()
    same = {key: description[key] for key in ("network", "data", "normalization", "weights")}
    if record["status"] == "finished" or difference(record, same):
        return None
    return parse(Recipe, record["recipe"], "recipe")
