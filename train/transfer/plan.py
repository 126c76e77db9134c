"""What the time allows: which stages of a network learn, and for how many epochs."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

import keras
import numpy as np

from keras_resnet.families import layer_macs
from train.settings.recipe import Recipe
from train.trainer.stages import last_stage, stage
from train.transfer.features import BATCH

FEWEST = 3  # epochs, for which an earlier stage is given up
# Passes forward that all gradients cost, with what reads photographs beside them. Measured on two
# cores with AMX: in bfloat16 4.6 of all stages without reading, and 3.9 in a whole run of the last
# two; in float32 2.5 without reading. Not measured in float16.
BACKWARD = {"float32": 3.0, "mixed_bfloat16": 4.6, "mixed_float16": 4.6}


class Plan(NamedTuple):
    """How the rest of a network is trained."""

    recipe: Recipe
    head_only: bool
    seconds: float  # that it is going to take, about

    def __str__(self) -> str:
        """In words."""
        if self.head_only:
            return "the head alone is trained: there is no time, or no wish, for more"
        return (
            f"then {self.recipe.epochs} epochs of the stages from "
            f"conv{self.recipe.frozen_stages + 1} on: about {self.seconds / 60:.1f} minutes"
        )


def choose(
    recipe: Recipe,
    given: Collection[str],
    macs: Mapping[int, int],
    rate: float,
    images: tuple[int, int],
    seconds: float,
    precision: str,
) -> Plan:
    """Chooses as many of the last stages as can learn for `FEWEST` epochs, or else the last one.

    The stem is not trained unless that is asked for: edges are the same everywhere.

    Args:
        recipe: With the most epochs that are of use.
        given: Its fields that the user decided: nothing else is chosen for them.
        macs: Multiply-accumulates of each stage, by its number.
        rate: Images a second of a pass forward.
        images: How many there are to learn from and to validate on.
        seconds: That may be spent.
        precision: A key of `BACKWARD`.
    """
    stages = max(macs)
    plans = []
    for frozen in [recipe.frozen_stages] if "frozen_stages" in given else range(1, stages):
        share = sum(value for number, value in macs.items() if number > frozen) / sum(macs.values())
        epoch = (images[0] * (1 + BACKWARD[precision] * share) + images[1]) / rate
        epochs = recipe.epochs if "epochs" in given else min(recipe.epochs, int(seconds / epoch))
        own = replace(recipe, epochs=max(epochs, 1), frozen_stages=frozen)
        plans.append((epochs, Plan(own, frozen >= stages, epochs * epoch)))
    # Epochs that the user decided are kept: they may take longer than there is time.
    usable = [
        row
        for epochs, row in plans
        if epochs >= min(FEWEST, recipe.epochs)
        and (row.seconds <= seconds or "frozen_stages" in given)
    ]
    some = [row for epochs, row in plans[-1:] if epochs]
    alone = replace(recipe, epochs=1, frozen_stages=stages)
    return next(iter(usable or some), Plan(alone, True, 0.0))


def stage_macs(model: keras.Model) -> dict[int, int]:
    """The multiply-accumulates of each stage of a network, by its number."""
    stages = dict.fromkeys(range(1, last_stage([layer.name for layer in model.layers]) + 1), 0)
    for layer in model.layers:
        if number := stage(layer.name):
            stages[number] += layer_macs(layer)
    return stages


def measure_rate(model: keras.Model, images: np.ndarray) -> float:
    """Images a second of a pass forward, compiled already: the better of two."""
    batch = np.resize(images, (BATCH, *images.shape[1:]))
    model.predict_on_batch(batch)
    times = []
    for _ in range(2):
        began = perf_counter()
        model.predict_on_batch(batch)
        times.append(perf_counter() - began)
    return BATCH / min(times)
