"""SIGINT and SIGTERM as requests: finish the step, save, stop. Standard library only."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SAVED = 75  # exit code of a training that was stopped: EX_TEMPFAIL, "try again", of sysexits.h


class Stopped(BaseException):
    """A signal requested the training to stop; all of it is in the last checkpoint.

    Like `KeyboardInterrupt` it is no error, so that nobody takes it for one and goes on.
    """


@contextmanager
def stop_requests() -> Iterator[list[str]]:
    """Collects the names of signals to stop. A second one acts at once, as if not collected."""
    requested: list[str] = []
    if threading.current_thread() is not threading.main_thread():  # Python allows it there only
        yield requested
        return

    def ask(number, frame):
        requested.append(signal.Signals(number).name)
        signal.signal(number, before[number])

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
