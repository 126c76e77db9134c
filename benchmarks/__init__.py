"""Measurements, each a command: `python -m benchmarks.NAME --help`."""

import train  # noqa: F401, it chooses TensorFlow's kernels before anything imports TensorFlow
