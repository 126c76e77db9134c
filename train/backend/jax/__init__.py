"""JAX: one program over the accelerators of a machine, or its CPU."""

from train.backend.jax.batches import pool_batches, training_batches, validation_batches
from train.backend.jax.blocks import block_steps, training_class
from train.backend.jax.devices import (
    check_execution,
    check_keras,
    choose,
    compile_settings,
    distribute,
    hardware,
    replicas,
    resolve,
    scope,
    summary,
)
from train.backend.jax.errors import explain_errors, explain_writing
from train.backend.jax.gradients import gradients
from train.backend.jax.processes import (
    agreed_stop,
    from_leader,
    join,
    leads,
    processes,
)
from train.backend.jax.variables import capture, restore

FORMATS = ("keras",)  # the others need TensorFlow: train.export makes them, where that is


def for_training(model):
    """The network itself: XLA fuses its batch normalization."""
    return model


__all__ = [
    "FORMATS", "agreed_stop", "block_steps", "capture", "check_execution", "check_keras", "choose",
    "compile_settings", "distribute", "explain_errors", "explain_writing", "for_training",
    "from_leader", "gradients", "hardware", "join", "leads", "pool_batches", "processes",
    "replicas", "resolve", "restore", "scope", "summary", "training_batches", "training_class",
    "validation_batches",
]  # fmt: skip
