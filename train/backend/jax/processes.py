"""Processes that train together, on one machine or many: joining, agreeing, noticing a death.

What is computed together is one JAX program over the devices of all. What is said beside it goes
through the key-value store of `jax.distributed`, which process 0 serves.
"""

import atexit
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from keras_resnet.utils.errors import InputError, sentence
from train.backend.jax.heartbeats import AGAIN, SILENCE, Heartbeats, no_sign
from train.settings.execution import Processes

POLL = 1.0  # seconds between signs of life
# JAX's own watches end a process with a traceback in C++: they come after those of this file.
HEARTBEAT = 600
LATER = 60


class _Group:
    """The processes that train together, as this one sees them."""

    client: Any = None  # of the key-value store; `None` if this process trains alone
    left = threading.Event()  # set once nobody watches any more
    told = False  # whether this process has passed on that it was asked to stop
    stopping = False  # whether all of them stop after this step


@contextmanager
def join(settings: Processes) -> Iterator[None]:
    """Trains with other processes, or alone if none are named, see `Backend`."""
    if settings == Processes():
        yield
        return
    _check(settings)
    _initialize(settings)
    threading.Thread(target=_watch, daemon=True).start()
    try:
        with _output():
            yield
    except BaseException as error:
        if isinstance(error, Exception) or not _Group.stopping:  # even as it saves for a stop
            _fail(error)
            raise
        _leave()
        raise
    _leave()


def _check(settings: Processes) -> None:
    coordinator = settings.coordinator
    if coordinator != "auto" and not re.fullmatch(r".+:\d+", coordinator):
        raise InputError(
            f"coordinator {coordinator!r} must be HOST:PORT of process 0, or auto, for what Slurm, "
            "Open MPI, Kubernetes or a TPU pod tell."
        )
    if coordinator != "auto" and not 0 <= settings.process_id < settings.num_processes:
        raise InputError(
            f"process_id {settings.process_id} must be from 0 to num_processes - 1, and "
            f"num_processes is {settings.num_processes}."
        )


def _initialize(settings: Processes) -> None:
    """Meets the others, or ends this process, as JAX would with a stack trace."""
    seconds, detected = settings.join_seconds, settings.coordinator == "auto"
    failed = f"the processes have not met at coordinator {settings.coordinator!r}"
    advice = "start all of them, with a port of process 0 that is free and that the others reach."
    alarm = threading.Timer(seconds, _end, [f"{failed} in {seconds} s: {advice}"])
    alarm.start()
    try:
        jax.distributed.initialize(
            None if detected else settings.coordinator,
            None if detected else settings.num_processes,
            None if detected else settings.process_id,
            initialization_timeout=seconds + LATER,
            heartbeat_timeout_seconds=HEARTBEAT,
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{failed} ({sentence(error).rstrip('.')}): {advice}") from error
    finally:
        alarm.cancel()
    # The store has no public name yet; Orbax takes it from here, too.
    _Group.client = jax._src.distributed.global_state.client


@contextmanager
def _output() -> Iterator[None]:
    """Only process 0 prints; errors, each of them. Gloo prints, too, past Python's `sys.stdout`."""
    if leads():
        yield
        return
    sys.stdout.flush()
    stream, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stream, 1)
        os.close(stream)
        os.close(nowhere)


def _leave() -> None:
    """Waits for the others, so that all end alike: process 0 exports what they trained."""
    try:
        _Group.client.key_value_set(f"done/{_number()}", "")
    except jax.errors.JaxRuntimeError as error:
        raise explain_lost(error) from error
    _Group.left.wait()
    jax.distributed.shutdown()


def _number() -> int:
    """Of this process; asking `jax` itself would start the devices."""
    return jax._src.distributed.global_state.process_id


def processes() -> int:
    """How many train together."""
    return 1 if _Group.client is None else jax.process_count()


def leads() -> bool:
    """Whether this process writes the run folder: process 0."""
    return _Group.client is None or _number() == 0


def from_leader(data: bytes) -> bytes:
    """The bytes that process 0 has."""
    if processes() == 1:
        return data
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(data))))
    own = np.frombuffer(data, np.uint8) if leads() else np.zeros(size, np.uint8)
    return multihost_utils.broadcast_one_to_all(own).tobytes()


def agreed_stop(requests: list[str], step: int) -> str | None:
    """Which signal all processes stop for after this step, see `Backend`.

    Process 0 names the next step before it begins it, and none can finish a step without process
    0: when another one looks after that step, the name is there.
    """
    if processes() == 1:
        return requests[0] if requests else None
    client = _Group.client
    if requests and not _Group.told:
        client.key_value_set(f"asked/{jax.process_index()}", requests[0])
        _Group.told = True
    said = client.key_value_dir_get("stop/")
    asked = client.key_value_dir_get("asked/") if leads() and not said else []
    if asked:
        said = [("stop/", f"{step + 1} {asked[0][1]}")]
        client.key_value_set("stop/after", said[0][1])
    last, reason = said[0][1].split() if said else (step + 1, None)
    _Group.stopping = step >= int(last)
    return reason if _Group.stopping else None


def explain_lost(error: Exception) -> InputError:
    """What an error of a program that all compute together means."""
    return InputError(
        f"process {jax.process_index()} can no longer compute with the others "
        f"({sentence(error).rstrip('.')}): see what the first of them to end says; {AGAIN}."
    )


def _fail(error: BaseException) -> None:
    """Tells the others why this process ends, and leaves them without waiting."""
    _Group.left.set()
    atexit.register(_exit)  # before JAX's own, which waits for them
    said = str(error).rstrip(".") or type(error).__name__
    try:
        _Group.client.key_value_set(
            f"failed/{_number()}", f"process {_number()} ended: {said}; {AGAIN}."
        )
    except jax.errors.JaxRuntimeError:
        return  # process 0 is gone
    sleep(3 * POLL if leads() else 0)  # what process 0 serves goes with it


def _exit() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _watch() -> None:
    """Gives signs of life, looks for those of others, and ends this process if one is missing.

    Whoever waits for a dead process within a program waits forever, so this is a thread.
    """
    client, own, parent = _Group.client, _number(), os.getppid()
    count = jax._src.distributed.global_state.num_processes
    beats = Heartbeats(count)
    while not _Group.left.wait(POLL):
        if os.getppid() != parent:  # `train.utils.supervise`, or who else began this
            os._exit(1)
        alarm = threading.Timer(SILENCE, _end, [no_sign(0)])  # it answers all that follows
        alarm.start()
        try:
            client.key_value_set(f"alive/{own}", str(monotonic()), allow_overwrite=True)
            why = [said for _, said in client.key_value_dir_get("failed/")]
            silent = beats.silent(dict(client.key_value_dir_get("alive/"))) if leads() else None
            if silent is not None and not why:
                why = [no_sign(silent)]
                client.key_value_set("failed/silent", why[0])
                sleep(3 * POLL)
            done = len(client.key_value_dir_get("done/")) == count
        except jax.errors.JaxRuntimeError:
            why, done = [f"process 0 is gone; {AGAIN}."], False
        alarm.cancel()
        if why and not _Group.left.is_set():
            _end(why[0])
        if done:
            _Group.left.set()


def _end(why: str) -> None:
    print(f"error: {why}", file=sys.stderr, flush=True)
    os._exit(1)
