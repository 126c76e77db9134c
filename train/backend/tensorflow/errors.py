"""TensorFlow's errors in the words of users."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from keras_resnet.utils.errors import InputError
from train.backend.tensorflow.devices import summary

# What TensorFlow makes of the system's errors; others of its own are about computations.
WRITE_ERRORS = (
    OSError, tf.errors.FailedPreconditionError, tf.errors.NotFoundError, tf.errors.OutOfRangeError,
    tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError, tf.errors.UnknownError,
)  # fmt: skip


@contextmanager
def enough_memory() -> Iterator[None]:
    """Turns the error for too little memory on a device into one sentence.

    Raises:
        InputError: in that case.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise InputError(
            f"{summary()} ran out of memory: lower --batch_size, or choose a smaller network."
        ) from error
