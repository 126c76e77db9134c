"""The machine and the packages, for the record."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_resnet
from train.backend import backend


def environment() -> dict[str, Any]:
    """Versions and hardware, for the record."""
    hardware = backend().hardware()
    return {
        "versions": {
            "python": platform.python_version(),
            "keras_resnet": keras_resnet.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            **hardware["versions"],
        },
        "hardware": {
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "gpus": hardware["gpus"],
        },
    }


def cpu() -> str:
    """The processor, with the numbers of its kind, as clouds give many kinds the same name."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    name = fields.pop("model name", None) or platform.processor() or platform.machine()
    kind = ", ".join(f"{key} {value}" for key, value in sorted(fields.items()))
    return f"{name} ({kind})" if kind else name
