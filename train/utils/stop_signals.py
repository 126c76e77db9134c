"""SIGINT, SIGTERM and SIGHUP as requests: finish the step, save, stop. Standard library only."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

SAVED = 75  # exit code of a training that was stopped: EX_TEMPFAIL, "try again", of sysexits.h
SIGNALS = [  # Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
# Within so many seconds it is the same one: Slurm sends it to a process and to its parent, which
# passes it on.
ONE = 0.5
# What is ignored stays so, as under `nohup`; `None` stands for a handler that is not Python's.
LEFT_ALONE = (signal.SIG_IGN, None)


class Stopped(BaseException):
    """A signal requested the training to stop; all of it is in the last checkpoint.

    Like `KeyboardInterrupt` it is no error, so that nobody takes it for one and goes on.
    """


@contextmanager
def stop_requests() -> Iterator[list[str]]:
    """Collects the names of signals to stop. A second one acts at once, as if not collected.

    But for SIGHUP: a terminal that is closed, or a pipe, is told of by each line that is printed.
    """
    requested: list[str] = []
    since: dict[int, float] = {}
    if threading.current_thread() is not threading.main_thread():  # Python allows it there only
        yield requested
        return

    def ask(number, frame):
        name = signal.Signals(number).name
        if number not in since:
            since[number] = monotonic()
            requested.append(name)
        elif name != "SIGHUP" and monotonic() - since[number] > ONE:
            signal.signal(number, before[number])
            signal.raise_signal(number)

    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: was for number, was in handlers.items() if was not in LEFT_ALONE}
    for number in before:
        signal.signal(number, ask)
    try:
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
