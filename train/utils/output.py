"""Output that nobody reads any more: `| head -1`, a closed terminal. Standard library only."""

import os
import signal
import sys
from errno import EIO, EPIPE
from io import BufferedWriter, FileIO, TextIOWrapper

HUNG_UP = 141  # exit code of a command that was not training: what shells say of SIGPIPE


class HangUp(BaseException):
    """Nobody reads what is printed. No error of what was being done, so nobody notes it as one."""


class Output(TextIOWrapper):
    """A standard stream. Once nobody reads it, it leads nowhere, and this is as if SIGHUP came.

    Raises:
        HangUp: if nobody waits for that signal; a training does, and stops when all is saved.
    """

    def write(self, text: str) -> int:
        """Writes a text."""
        try:
            return super().write(text)
        except OSError as error:
            self._hang_up(error)
            return len(text)

    def flush(self) -> None:
        """Writes what is still held."""
        try:
            super().flush()
        except OSError as error:
            self._hang_up(error)

    def _hang_up(self, error: OSError) -> None:
        if error.errno not in (EPIPE, EIO):
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            raise HangUp
        signal.raise_signal(signal.SIGHUP)


def guard() -> None:
    """Makes both standard streams an `Output`, line by line; it writes letters of any language."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None:  # as it is where the caller has closed it
            stream.flush()
            buffer = BufferedWriter(FileIO(stream.fileno(), "w", closefd=False))
            guarded = Output(buffer, stream.encoding, "backslashreplace", line_buffering=True)
            setattr(sys, name, guarded)
