"""What a backend says of processes that train together, where there is only one."""

from collections.abc import Iterator
from contextlib import contextmanager

from keras_resnet.utils.errors import InputError
from train.settings.execution import Processes


@contextmanager
def join(settings: Processes) -> Iterator[None]:
    """Trains alone, see `Backend`."""
    if settings != Processes():
        raise InputError(
            "several processes train together on Keras's JAX backend only: set KERAS_BACKEND=jax, "
            "or leave --coordinator, --num_processes and --process_id out."
        )
    yield


def processes() -> int:
    """One."""
    return 1


def leads() -> bool:
    """There is no other that would write the run folder."""
    return True


def from_leader(data: bytes) -> bytes:
    """What this process has itself."""
    return data


def agreed_stop(requests: list[str], step: int) -> str | None:
    """The first request, at once."""
    return requests[0] if requests else None
