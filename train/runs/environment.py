"""The machine and the packages, for the record."""

import os
import platform
import re
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import keras
import numpy as np

import keras_resnet
from train.backend import backend

ROOT = Path(keras_resnet.__file__).parent.parent  # of the repository, in a clone


def environment() -> dict[str, Any]:
    """Versions and hardware, for the record."""
    hardware = backend().hardware()
    return {
        "versions": {
            "python": platform.python_version(),
            "keras_resnet": keras_resnet.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            **commit(),
            **hardware["versions"],
        },
        "hardware": {
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "gpus": hardware["gpus"],
        },
    }


def commit(root: Path = ROOT) -> dict[str, str]:
    """The commit of a clone of this repository, `-dirty` if its files differ from it.

    Empty where there is no git, or no clone that it trusts: an installed package knows its version.
    """
    if not (root / ".git").exists() or which("git") is None:
        return {}
    command = [
        "git",
        "-C",
        str(root),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    found = subprocess.run(command, capture_output=True, text=True)
    return {} if found.returncode else {"commit": found.stdout.strip()}


def cpu() -> str:
    """The processor, with the numbers of its kind, as clouds give many kinds the same name."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    name = fields.pop("model name", None) or platform.processor() or platform.machine()
    kind = ", ".join(f"{key} {value}" for key, value in sorted(fields.items()))
    return f"{name} ({kind})" if kind else name
