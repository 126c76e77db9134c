"""The state of a training as arrays: read from a compiled model and put back.

Weights, statistics and random seeds of layers; momentum, iterations, averages and loss scale of
the optimizer; sums of metrics. The data need nothing: they follow from the number of the step.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_resnet.utils.errors import InputError
from train.backend import Arrays


def capture(model: keras.Model) -> Arrays:
    """Every variable of a model that is being trained, by name."""
    return {name: np.asarray(variable.numpy()) for name, variable in _variables(model).items()}


def restore(model: keras.Model, arrays: Arrays) -> None:
    """Puts back what `capture` read.

    Raises:
        InputError: if the arrays are not those of this model, by name, shape and type; then
            nothing is changed.
    """
    variables = _variables(model)
    here = {name: (tuple(v.shape), v.dtype.as_numpy_dtype) for name, v in variables.items()}
    there = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    odd = [name for name in here | there if here.get(name) != there.get(name)]
    if odd:
        raise InputError(
            f"the checkpoint does not fit this training at {odd[0]!r}: it is of another version "
            "of this package; train anew with --overwrite."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _variables(model: keras.Model) -> dict[str, tf.Variable]:
    groups = {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }
    return {
        f"{group}/{index:04}/{variable.name}/{replica}": part
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
        for replica, part in enumerate(_parts(variable.value))
    }


def _parts(variable: tf.Variable) -> tuple[tf.Variable, ...]:
    """A variable; or its part on each device where these differ, as sums of metrics do."""
    apart = getattr(variable, "synchronization", None) == tf.VariableSynchronization.ON_READ
    distributed = isinstance(variable, tf.distribute.DistributedValues)
    return variable.values if apart and distributed else (variable,)
