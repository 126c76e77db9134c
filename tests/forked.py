"""Python processes that need not import TensorFlow again: forks of a server that has done so.

A fresh interpreter takes seconds to import TensorFlow and Keras. The server imports them, does not
start TensorFlow, and forks a child for each command, as `multiprocessing` does it.
"""

import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONTEXT = multiprocessing.get_context("forkserver")
# Root may enter all folders: who is root becomes somebody else by these lines.
AS_NOBODY = "import os; os.geteuid() or os.seteuid(65534)"
CONTEXT.set_forkserver_preload(["tests.preload"])


def _child(arguments: list[str], environment: dict[str, str], streams: tuple[str, str]) -> None:
    for number, path in enumerate(streams, 1):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(descriptor, number)
    for number in (1, 2):
        stream = os.fdopen(number, "w", buffering=1, closefd=False)
        setattr(sys, ("stdout", "stderr")[number - 1], stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    # As in a fresh interpreter, for all but the signals that a forked one inherits.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kind, what, *rest = arguments
    sys.argv = [what if kind == "-m" else kind, *rest]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


class Forked:
    """A forked process, with the methods of `subprocess.Popen` that tests need."""

    def __init__(self, *arguments, **environment):
        self.folder = tempfile.mkdtemp()
        self.streams = tuple(f"{self.folder}/{name}" for name in ("out", "err"))
        for path in self.streams:
            Path(path).touch()
        self.args = list(map(str, arguments))
        variables = dict(os.environ) | environment
        self.process = CONTEXT.Process(target=_child, args=(self.args, variables, self.streams))
        self.process.start()

    def poll(self):
        """The exit code; `None` while it runs."""
        return self.process.exitcode

    @property
    def returncode(self):
        """The exit code."""
        return self.process.exitcode

    def send_signal(self, number):
        """Sends a signal."""
        os.kill(self.process.pid, number)

    def wait(self, timeout=500):
        """Waits for its end."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.process.kill()
            raise subprocess.TimeoutExpired(self.args, timeout, *self._read())
        return self.process.exitcode

    def communicate(self, timeout=500):
        """Waits for its end; what it wrote to the two streams."""
        self.wait(timeout)
        said = self._read()
        shutil.rmtree(self.folder)
        return said

    def _read(self):
        return tuple(Path(path).read_text() for path in self.streams)


def run(*arguments, check=True, **environment):
    """Runs Python as a user would, from the root of the repository."""
    process = Forked(*arguments, **environment)
    out, err = process.communicate()
    assert not check or process.returncode == 0, out + err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run_fresh(*arguments, check=True, **environment):
    """The same in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
