"""The dtype policy that layers are built under."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Builds layers under a dtype policy, and puts the former one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
