"""Packages that not everything needs, and which extra of `setup.py` brings each."""

from collections.abc import Iterator
from contextlib import contextmanager

from keras_resnet.utils.errors import InputError

EXTRAS = {
    "tensorflow": "export",
    "ai_edge_litert": "export",
    "flatbuffers": "export",
    "tensorflow_datasets": "train",
    "keras_tuner": "train",
    "jax": "jax",
    "sklearn": "jax",
}


@contextmanager
def explain_missing() -> Iterator[None]:
    """Turns the error for a package of `EXTRAS` that is not installed into one sentence.

    Raises:
        InputError: in that case.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise InputError(
            f"this needs {package}, which is not installed: pip install "
            f"'keras-resnet-family[{EXTRAS[package]}]'."
        ) from error
