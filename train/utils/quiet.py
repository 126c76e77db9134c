"""Keeps TensorFlow's chatter from users.

TensorFlow 2.21 reports its own start and every conversion on the error stream, whatever
`TF_CPP_MIN_LOG_LEVEL` says: https://github.com/tensorflow/tensorflow/issues/100442
A test in `tests/train/utils/test_quiet.py` fails when that is mended: delete this file then.
"""

import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from keras_resnet.utils.errors import InputError

CHATTER = re.compile(
    rb"WARNING: All log messages before absl::|[IW]0000 |To enable the following instructions|"
    rb"E0000 .*failed call to cuInit|INFO: Created TensorFlow Lite|fully_quantize: |"
    rb"W.*triggered tf.function retracing"  # one network after the other, each once
)
STREAMS = (1, 2)  # output and errors


@contextmanager
def quiet() -> Iterator[None]:
    """Holds back what is written to the two streams, then repeats all but the chatter.

    If an `InputError` comes, it says in a sentence what libraries wrote before, and nothing is
    repeated. A process that is killed meanwhile takes the held lines with it, so keep what is
    inside short.
    """
    with ExitStack() as stack:
        for number in STREAMS:
            stack.enter_context(_held(number))
        try:
            yield
        finally:
            _flush()


@contextmanager
def _held(number: int) -> Iterator[None]:
    _flush()
    stream, explained = os.dup(number), False
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), number)
        try:
            yield
        except InputError:
            explained = True
            raise
        finally:
            os.dup2(stream, number)
            os.close(stream)
            held.seek(0)
            rest = b"".join(line for line in held if not CHATTER.match(line))
            if rest and not explained:  # to a closed terminal, not even nothing can be written
                os.write(number, rest)


def _flush() -> None:
    """Writes what Python and the C library still keep of both streams."""
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)
