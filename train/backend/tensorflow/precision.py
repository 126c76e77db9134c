"""The precision that suits a machine."""

from pathlib import Path

import tensorflow as tf

from keras_resnet.utils.errors import lookup
from train.settings.execution import PRECISIONS


def choose_precision(name: str, device_type: str) -> str:
    """The Keras policy for a key of `PRECISIONS`, on what is trained on: `CPU` or `GPU`.

    Raises:
        InputError: if the name is unknown.
    """
    lookup(PRECISIONS, name, "precision")
    if name != "auto":
        return name
    gpus = tf.config.list_physical_devices("GPU") if device_type == "GPU" else []
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    capabilities = [detail.get("compute_capability", (0, 0)) for detail in details]
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
