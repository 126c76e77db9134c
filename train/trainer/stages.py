"""Stages of a network that begins from weights: which of them learn, and how fast."""

import re
from collections.abc import Sequence

import keras

from keras_resnet.utils.errors import InputError
from train.settings.recipe import Recipe
from train.trainer.whitening import first_convolution

STAGE = re.compile(r"(?:^|/)conv(\d+)_")  # of layers and variables; conv1 is the stem


def stage(name: str) -> int | None:
    """The stage of a layer or a variable by its name, from 1; `None` of the head."""
    found = STAGE.search(name)
    return int(found[1]) if found else None


def last_stage(names: Sequence[str]) -> int:
    """The number of the last stage among layers or variables; 0 if they have none."""
    return max((stage(name) or 0 for name in names), default=0)


def freeze(model: keras.Model, recipe: Recipe) -> None:
    """Keeps what the recipe wants kept; before the model is compiled.

    Raises:
        InputError: if the network has fewer stages, or none.
    """
    kernels = [variable.path for variable in model.trainable_variables if len(variable.shape) > 1]
    stages = last_stage(kernels)
    if not stages and (recipe.frozen_stages or recipe.stage_decay != 1):
        raise InputError(
            f"frozen_stages {recipe.frozen_stages} and stage_decay {recipe.stage_decay:g} are for "
            "networks with stages, as residual ones have: give such a --model, or 0 and 1."
        )
    if recipe.frozen_stages > stages:
        raise InputError(
            f"frozen_stages is {recipe.frozen_stages}, and the network has {stages}: lower it."
        )
    if recipe.whitened_stem:
        first_convolution(model).trainable = False
    for layer in model.layers:
        own = stage(layer.name)
        batchnorm = isinstance(layer, keras.layers.BatchNormalization)
        # What comes after the last stage and is no head, as post_bn, goes with it by its kind.
        if (own and own <= recipe.frozen_stages) or (batchnorm and recipe.freeze_batchnorm):
            layer.trainable = False


def rate_factors(variables: Sequence[keras.Variable], decay: float) -> list[float]:
    """The share of the learning rate of each variable: 1 of the head, `decay` of the last stage."""
    stages = [stage(variable.path) for variable in variables]
    head = max((number or 0 for number in stages), default=0) + 1
    return [decay ** (head - (number or head)) for number in stages]
