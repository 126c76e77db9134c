"""A parent that tells in a sentence how a process that trains with others ended.

JAX's coordination client ends a process within C++, with a stack trace, when process 0 is gone, and
no Python of that process can say anything after it. Standard library only.
"""

import os
import re
import signal
import sys

from train.utils.stop_signals import SIGNALS

# Once one of these lines comes, what follows is the trace, unless the process lives on.
TRACE = re.compile(
    rb"[WEF]\d{4} .*(coordination_service|preemption_sync_manager|distributed_runtime|client\.h)"
)


def go_on_in_child(sentence: str) -> None:
    """Returns in a child of this process, which itself waits, passes signals on, and exits alike.

    To be called before threads start. The child's errors are passed on line by line.

    Args:
        sentence: What to print, instead of a trace, if the child is ended by a signal.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # the terminal's Ctrl-C comes once, through the parent
        os.close(read)
        os.dup2(write, sys.stderr.fileno())
        os.close(write)
        return
    os.close(write)
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: os.kill(child, number))
    trace = _pass_on(read)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(2, f"error: {sentence}\n".encode() if code < 0 else trace)
    sys.stdout.flush()
    os._exit(1 if code < 0 else code)


def _pass_on(source: int) -> bytes:
    """Repeats errors until there are no more; from a trace on they are returned instead."""
    trace: list[bytes] = []
    with open(source, "rb") as errors:
        for line in errors:
            if trace or TRACE.match(line):
                trace.append(line)
            else:
                os.write(2, line)
    return b"".join(trace)
