"""The state of a training as arrays: read from a compiled model and put back."""

import keras
import numpy as np
import tensorflow as tf

from train.backend import Arrays
from train.backend.state import check_same, named


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
    check_same(capture(model), arrays)
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _variables(model: keras.Model) -> dict[str, tf.Variable]:
    return {
        f"{name}/{replica}": part
        for name, variable in named(model).items()
        for replica, part in enumerate(_parts(variable.value))
    }


def _parts(variable: tf.Variable) -> tuple[tf.Variable, ...]:
    """A variable; or its part on each device where these differ, as sums of metrics do."""
    apart = getattr(variable, "synchronization", None) == tf.VariableSynchronization.ON_READ
    distributed = isinstance(variable, tf.distribute.DistributedValues)
    return variable.values if apart and distributed else (variable,)
