"""TensorFlow: a `MirroredStrategy` over the GPUs of a machine, or its CPU."""

import tensorflow as tf

from keras_resnet.export.files import EXACT
from train.backend.single import (
    agreed_stop,
    from_leader,
    join,
    leads,
    processes,
)
from train.backend.tensorflow.batches import pool_batches, training_batches, validation_batches
from train.backend.tensorflow.devices import (
    check_execution,
    check_keras,
    choose,
    compile_settings,
    device_type,
    distribute,
    hardware,
    replicas,
    resolve,
    scope,
    summary,
)
from train.backend.tensorflow.errors import explain_errors, explain_writing
from train.backend.tensorflow.gradients import gradients
from train.backend.tensorflow.training_layers import on_fast_layers
from train.backend.tensorflow.variables import capture, restore

FORMATS = EXACT
tf.get_logger().setLevel("ERROR")  # in notebooks it tells of every file that it writes
tf.config.list_physical_devices("GPU")  # looks for a driver, loudly: `backend()` is quiet


def for_training(model):
    """The same network on layers that are fast in training, see `training_layers`."""
    return on_fast_layers(model, replicas(), device_type())


def training_class(cls):
    """The class itself."""
    return cls


def block_steps(split, recipe, execution) -> int:
    """One: `steps_per_execution` is Keras's own on TensorFlow."""
    return 1


__all__ = [
    "FORMATS", "agreed_stop", "block_steps", "capture", "check_execution", "check_keras", "choose",
    "compile_settings", "distribute", "explain_errors", "explain_writing", "for_training",
    "from_leader", "gradients", "hardware", "join", "leads", "pool_batches", "processes",
    "replicas", "resolve", "restore", "scope", "summary", "training_batches", "training_class",
    "validation_batches",
]  # fmt: skip
