"""Calls that may hang, crash or take all memory, each judged: in processes that can be ended.

The process is a fork (see `tests/forked.py`) that makes one call after the other and writes
down what came of each; one that gives no sign for too long is killed, and another goes on.
"""

import json
import resource
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from tests import forked

SECONDS = 60.0  # without a sign: a busy machine takes three times as long as a free one
MEMORY = 2**31  # bytes that a call may add to the peak of a process
LONGEST = 1500  # characters of a sentence


class Outcome(NamedTuple):
    """What came of a call."""

    name: str
    kind: str  # "done", "refused", or what is wrong
    message: str


def judge(name: str, call: Callable[[], object]) -> Outcome:
    """Makes a call. It may succeed, or raise a `ValueError` or `TypeError` of one sentence."""
    before = _peak()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
        kind, message = "done", ""
    except SystemExit as stop:  # of a command
        message = "" if stop.code is None else str(stop.code)
        kind = "refused" if message.startswith("error: ") else f"exit {message!r}"
        kind = "done" if not stop.code else kind
    except (ValueError, TypeError) as error:
        kind, message = "refused", str(error)
    except BaseException as error:
        kind, message = type(error).__name__, str(error)
    if kind == "refused" and not is_sentence(message):
        kind = "no sentence"
    if _peak() - before > MEMORY:
        kind = "memory"
    return Outcome(name, kind, message[:LONGEST])


def is_sentence(message: str) -> bool:
    """Whether a message is one that a person reads: not empty, of one line, and not endless."""
    return bool(message.strip()) and "\n" not in message.strip() and len(message) < LONGEST


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(cases: str, arguments: list[str], folder: Path) -> list[Outcome]:
    """Judges the calls of a generator, in other processes.

    Args:
        cases: `module:function`, which yields a name and a function for each call.
        arguments: Of this function.
        folder: For what is written down.
    """
    outcomes: list[Outcome] = []
    count = 0
    while True:
        log = folder / f"log{count}.jsonl"
        log.touch()
        process = forked.Forked(
            "-m", "tests.hostile.bounded", cases, log, len(outcomes), *arguments
        )
        ended = _watch(process, log)
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        outcomes += [Outcome(*row) for row in rows if isinstance(row, list)]
        if ended is None:
            return outcomes
        begun = [row for row in rows if isinstance(row, str)]
        if len(begun) == sum(isinstance(row, list) for row in rows):
            raise RuntimeError(f"{cases}: {ended} {process.communicate()}")
        outcomes.append(Outcome(begun[-1], ended, ""))
        count += 1


def _watch(process: forked.Forked, log: Path) -> str | None:
    """Waits for the end; in a word what is wrong, or `None`."""
    size, since = -1, monotonic()
    while process.poll() is None:
        if log.stat().st_size != size:
            size, since = log.stat().st_size, monotonic()
        if monotonic() - since > SECONDS:
            process.process.kill()
            process.process.join()
            return "hangs"
        sleep(0.02)
    return None if process.returncode == 0 else f"crash {process.returncode}"


def main(cases: str, log: str, done: str, *arguments: str) -> None:
    """Makes the calls that were not made yet."""
    module, _, name = cases.partition(":")
    calls: Iterator[tuple[str, Callable[[], object]]] = getattr(import_module(module), name)(
        *arguments
    )
    with open(log, "a", buffering=1) as file:
        for number, (title, call) in enumerate(calls):
            if number >= int(done):
                file.write(json.dumps(title) + "\n")
                file.write(json.dumps(judge(title, call)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
