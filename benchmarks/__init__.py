"""Measurements: `python -m benchmarks.throughput` and `python -m benchmarks.profile`."""
