"""JAX's errors in the words of users."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import jax

from keras_resnet.utils.errors import InputError
from train.backend.jax.devices import summary
from train.backend.jax.processes import explain_lost, processes


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turns the error for too little memory on a device into one sentence.

    Raises:
        InputError: in that case.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            if processes() > 1:
                raise explain_lost(error) from error
            raise
        raise InputError(
            f"{summary()} ran out of memory: lower --batch_size, or choose a smaller network."
        ) from error


def explain_writing() -> nullcontext:
    """It writes no files itself: the system's errors come as they are."""
    return nullcontext()
