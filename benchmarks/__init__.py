"""Measurements, each a command: `python -m benchmarks.NAME --help`."""

from train.backend import backend

backend()  # chooses TensorFlow's kernels before anything imports TensorFlow
