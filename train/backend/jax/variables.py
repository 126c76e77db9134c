"""The state of a training as arrays: read from a compiled model and put back.

Within an epoch the variables of a model are empty: Keras hands their values from step to step, and
`jax_state_sync` puts them back, which it finds out and takes them again.
"""

import keras
import numpy as np

from train.backend import Arrays
from train.backend.state import check_same, named


def capture(model: keras.Model) -> Arrays:
    """Every variable of a model that is being trained, by name."""
    model.jax_state_sync()
    return {name: np.asarray(variable.value) for name, variable in named(model).items()}


def restore(model: keras.Model, arrays: Arrays) -> None:
    """Puts back what `capture` read.

    Raises:
        InputError: if the arrays are not those of this model, by name, shape and type; then
            nothing is changed.
    """
    model.jax_state_sync()
    variables = named(model)
    check_same({name: np.asarray(variable.value) for name, variable in variables.items()}, arrays)
    for name, variable in variables.items():
        variable.assign(arrays[name])
