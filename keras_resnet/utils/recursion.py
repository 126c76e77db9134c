"""Keras and networks of thousands of layers. Of itself, standard library only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Raises Python's recursion limit, so that Keras can connect, load or copy deep networks.

    Keras visits a functional model by recursion, a call for each layer, and Python allows 1,000
    (https://github.com/keras-team/keras/issues/15596). These calls are cheap: since 3.11 Python
    keeps them on the heap.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 100_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def functional(
    inputs: Any, outputs: Any, cls: "type[keras.Model] | None" = None, **settings: Any
) -> "keras.Model":
    """A functional model, however deep: `keras.Model(inputs, outputs)`.

    Args:
        inputs: Of the model.
        outputs: Of the model.
        cls: Of models; by default `keras.Model`.
        **settings: Of that class, such as `name`.
    """
    import keras

    with deep_recursion():
        return (cls or keras.Model)(inputs, outputs, **settings)


def clone(model: "keras.Model", **settings: Any) -> "keras.Model":
    """A functional model again, however deep: `keras.models.clone_model`, with its settings."""
    import keras

    with deep_recursion():
        return keras.models.clone_model(model, **settings)
