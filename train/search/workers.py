"""One process of many: what it is to a search, from KerasTuner's own environment variables."""

import os
import socket

import grpc

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import read

CHIEF, WORKER, ALONE = "chief", "worker", "alone"
NAME, HOST, PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"


def role() -> str:
    """Whether this process proposes trials (`CHIEF`), trains them (`WORKER`), or does both.

    Raises:
        InputError: if only some of the variables are set, or the port is none.
    """
    values = {name: os.environ.get(name) for name in (NAME, HOST, PORT)}
    if not any(value is not None for value in values.values()):
        return ALONE
    for name, value in values.items():
        if not value:
            raise InputError(
                f"{name} is {value!r}: a search with many workers needs {NAME} ('chief', or a name "
                f"for each worker), {HOST} and {PORT} (a number), the last two of the chief."
            )
    read(PORT, os.environ[PORT], int, {"low": 1, "high": 65535})
    return CHIEF if CHIEF in os.environ[NAME] else WORKER


def check_port() -> None:
    """Checks that a chief can listen; gRPC would share the port with whoever does so already.

    Raises:
        InputError: if it cannot.
    """
    try:
        (family, *_, where), *_ = _lookup()
        socket.create_server(where[:2], family=family).close()
    except (OSError, UnicodeError) as error:
        reason = str(getattr(error, "strerror", None) or error).split(" (")[0]
        raise InputError(
            f"the chief cannot listen at {address()} ({reason}): choose another {PORT}, and as "
            f"{HOST} an address of this machine."
        ) from error


def say_if_waiting() -> None:
    """Says that a worker waits, if the chief does not listen yet; gRPC waits in silence."""
    try:
        socket.create_connection(_lookup()[0][-1][:2], timeout=5).close()
    except (OSError, UnicodeError) as error:
        print(f"waiting for the chief at {address()} ({error})", flush=True)


def _lookup() -> list:
    """Where the chief's address leads to."""
    host, port = os.environ[HOST].strip("[]"), int(os.environ[PORT])
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def explain_lost_chief(error: grpc.RpcError) -> str:
    """In words, that the chief does not answer."""
    return (
        f"lost the chief at {address()} ({error.code().name}): start it again, and then this "
        "worker."
    )


def address() -> str:
    """Where the chief listens."""
    return f"{os.environ[HOST]}:{os.environ[PORT]}"
