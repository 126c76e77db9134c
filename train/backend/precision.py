"""The precision that suits a machine."""

from pathlib import Path

from keras_resnet.utils.errors import lookup
from train.settings.execution import PRECISIONS


def choose_precision(name: str, capabilities: list[tuple[int, int]]) -> str:
    """The Keras policy for a key of `PRECISIONS`.

    Args:
        name: The key.
        capabilities: The compute capabilities of the GPUs that are trained on; none for a CPU.

    Raises:
        InputError: if the name is unknown.
    """
    lookup(PRECISIONS, name, "precision")
    if name != "auto":
        return name
    cpuinfo = Path("/proc/cpuinfo")
    return best_precision(capabilities, cpuinfo.read_text() if cpuinfo.exists() else "")


def best_precision(capabilities: list[tuple[int, int]], cpuinfo: str) -> str:
    """The Keras policy for GPUs of these compute capabilities or, with none, for this CPU."""
    if not capabilities:
        fast = "avx512_bf16" in cpuinfo or "amx_bf16" in cpuinfo
        return "mixed_bfloat16" if fast else "float32"
    least = min(capabilities)
    return (
        "mixed_bfloat16" if least >= (8, 0) else "mixed_float16" if least >= (7, 0) else "float32"
    )
