"""Latency and accuracy of exported files."""
