"""Room for networks of thousands of layers."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deep() -> Iterator[None]:
    """Lets Keras connect, read or copy a network of any depth.

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
