"""Keeps TensorFlow's chatter from users. Standard library only.

TensorFlow 2.21 reports its own start and every conversion on the error stream, whatever
`TF_CPP_MIN_LOG_LEVEL` says: https://github.com/tensorflow/tensorflow/issues/100442
A test in `tests/train/test_quiet.py` fails when that is mended: delete this file then.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

CHATTER = re.compile(
    rb"WARNING: All log messages before absl::|[IW]0000 |To enable the following instructions|"
    rb"E0000 .*failed call to cuInit|INFO: Created TensorFlow Lite"
)


@contextmanager
def quiet() -> Iterator[None]:
    """Holds back what is written to the error stream, then repeats all but the chatter.

    A process that is killed meanwhile takes the held lines with it, so keep what is inside short.
    """
    sys.stderr.flush()
    stream = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stream, 2)
            os.close(stream)
            held.seek(0)
            rest = [line for line in held if not CHATTER.match(line)]
            os.write(2, b"".join(rest))
