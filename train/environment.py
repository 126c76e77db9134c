"""The machine and the packages, for the record."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_resnet


def environment() -> dict[str, Any]:
    """Versions and hardware, for the record."""
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "versions": {
            "python": platform.python_version(),
            "keras_resnet": keras_resnet.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "hardware": {
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "gpus": [tf.config.experimental.get_device_details(g).get("device_name") for g in gpus],
        },
    }


def cpu() -> str:
    """The processor, with the numbers of its kind, as clouds give many kinds the same name."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    said = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    name = said.pop("model name", None) or platform.processor() or platform.machine()
    kind = ", ".join(f"{key} {value}" for key, value in sorted(said.items()))
    return f"{name} ({kind})" if kind else name
