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
    "sklearn": "jax",
    "litert_quantizer": "litert",
    "huggingface_hub": "hub",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "tf2onnx": "onnx",
}


@contextmanager
def explain_missing(extra: str = "") -> Iterator[None]:
    """Turns the error for a package of `EXTRAS` that is not installed into one sentence.

    Args:
        extra: The one to name, if more of its packages will be needed.

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
            f"'keras-resnet-family[{extra or EXTRAS[package]}]'."
        ) from error
