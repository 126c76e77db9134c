"""Keras and networks of thousands of layers. Standard library only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
