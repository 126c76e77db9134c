"""TensorFlow's errors in the words of users."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from keras_resnet.utils.errors import InputError, sentence
from train.backend.tensorflow.devices import summary

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


@contextmanager
def explain_writing() -> Iterator[None]:
    """Turns what TensorFlow makes of the system's errors back into one, see `Backend`.

    Raises:
        OSError: if a file cannot be written.
    """
    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(sentence(error)) from error
