"""One process of many: what it is to a search, from KerasTuner's own environment variables."""

import os

import grpc

from keras_resnet.utils.errors import InputError

CHIEF, WORKER, ALONE = "chief", "worker", "alone"
NAME, HOST, PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"


def role() -> str:
    """Whether this process proposes trials (`CHIEF`), trains them (`WORKER`), or does both.

    Raises:
        InputError: if only some of the variables are set, or the port is no number.
    """
    values = {name: os.environ.get(name) for name in (NAME, HOST, PORT)}
    if not any(value is not None for value in values.values()):
        return ALONE
    for name, value in values.items():
        if not value or (name == PORT and not value.isdigit()):
            raise InputError(
                f"{name} is {value!r}: a search with many workers needs {NAME} ('chief', or a name "
                f"for each worker), {HOST} and {PORT} (a number), the last two of the chief."
            )
    return CHIEF if CHIEF in os.environ[NAME] else WORKER


def explain_lost_chief(error: grpc.RpcError) -> str:
    """In words, that the chief does not answer."""
    return (
        f"lost the chief at {address()} ({error.code().name}): start it again, and then this "
        "worker."
    )


def address() -> str:
    """Where the chief listens."""
    return f"{os.environ[HOST]}:{os.environ[PORT]}"
