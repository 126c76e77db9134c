"""TensorFlow's errors in the words of users."""

import re
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


# Of a function in NumPy within a pipeline, TensorFlow keeps the words alone.
OURS = re.compile(rf"{InputError.__name__}: (.*?)\n*(?:Traceback|\Z)", re.DOTALL)


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turns what users can mend into one sentence.

    Raises:
        InputError: for too little memory on a device, or what reading images raised within a
            pipeline.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if found := OURS.search(error.message):
            raise InputError(found[1]) from error
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise InputError(
            f"{summary()} ran out of memory: lower --batch_size, or choose a smaller network."
        ) from error
