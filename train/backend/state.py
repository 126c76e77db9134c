"""What a training is at one instant, by name: the same names on every framework."""

from collections.abc import Mapping

import keras
import numpy as np

from keras_resnet.utils.errors import InputError


def named(model: keras.Model) -> dict[str, keras.Variable]:
    """Every variable of a compiled model, its optimizer and its metrics, by a name of its own.

    Weights, statistics and random seeds of layers; momentum, iterations, averages and loss scale of
    the optimizer; sums of metrics. The data need nothing: they follow from the number of the step.
    """
    groups = {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }
    return {
        f"{group}/{index:04}/{variable.name}": variable
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }


def check_same(here: Mapping[str, np.ndarray], there: Mapping[str, np.ndarray]) -> None:
    """Checks that a checkpoint is of this training, by names, shapes and types.

    Args:
        here: What the training is now.
        there: What the checkpoint holds.

    Raises:
        InputError: for the first array in which they differ.
    """
    ours, theirs = (
        {name: (array.shape, array.dtype) for name, array in arrays.items()}
        for arrays in (here, there)
    )
    odd = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    if odd:
        raise InputError(
            f"the checkpoint does not fit this training at {odd[0]!r}: it is of another version "
            "of this package; train anew with --overwrite."
        )
