"""Seeds that are drawn although nothing random is asked for. Standard library only."""

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def same_seeds() -> Iterator[None]:
    """Lets Keras draw the seeds of a model that is only looked at, and then none the fewer.

    It draws those of initializers from Python's generator, so that a model that is built later
    would begin with other weights.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
