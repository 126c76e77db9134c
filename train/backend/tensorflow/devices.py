"""Devices, and the strategy over them."""

import re
from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from keras_resnet.utils.errors import InputError, sentence
from train.backend.precision import choose_precision
from train.backend.steps import check_steps
from train.settings.execution import Execution


class _Chosen:
    """The one strategy of the process: a second `MirroredStrategy` breaks its collectives."""

    name: str = ""
    strategy: tf.distribute.MirroredStrategy | None = None


def choose(name: str = "auto") -> tf.distribute.Strategy:
    """Decides, once for the process and before TensorFlow starts, what to train on.

    Args:
        name: `auto`, for all GPUs or else the CPU; `cpu` or `gpu`, with `:N` for N of them. The
            CPU is divided into N logical ones. After a choice, `auto` is what was chosen.

    Raises:
        InputError: if there are no such devices, or others were chosen before.
    """
    if _Chosen.strategy is None:
        _Chosen.name, _Chosen.strategy = name, tf.distribute.MirroredStrategy(_devices(name))
    elif name not in (_Chosen.name, "auto"):
        raise InputError(
            f"devices {name!r} come too late: this process trains on {_Chosen.name!r} already."
        )
    return _Chosen.strategy


def _devices(name: str) -> list[str]:
    match = re.fullmatch(r"(auto|cpu|gpu)(?::([1-9]\d*))?", name)
    if not match or name.startswith("auto:"):
        raise InputError(f"unknown devices {name!r}: use auto, cpu, gpu, cpu:2, gpu:4 and so on.")
    gpus = tf.config.list_physical_devices("GPU")
    kind = {"auto": "GPU" if gpus else "CPU"}.get(match[1], match[1].upper())
    count = int(match[2] or (len(gpus) if kind == "GPU" else 1))
    if kind == "GPU" and not 0 < count <= len(gpus):
        raise InputError(f"devices {name!r} are not there: this machine has {len(gpus)} GPUs.")
    if kind == "CPU" and count > 1:
        (cpu, *_), one = (
            tf.config.list_physical_devices("CPU"),
            tf.config.LogicalDeviceConfiguration,
        )
        try:
            tf.config.set_logical_device_configuration(cpu, [one() for _ in range(count)])
        except RuntimeError as error:  # TensorFlow has started
            raise InputError(f"devices {name!r} come too late: {sentence(error)}.") from error
    return [device.name for device in tf.config.list_logical_devices(kind)[:count]]


def strategy() -> tf.distribute.Strategy:
    """The process's one strategy: what was chosen, or else `auto`."""
    return _Chosen.strategy or choose()


def device_type() -> str:
    """`GPU` or `CPU`: what the strategy trains on."""
    return tf.DeviceSpec.from_string(strategy().extended.worker_devices[0]).device_type


def summary() -> str:
    """The devices in words, as in `2 CPU`."""
    return f"{strategy().num_replicas_in_sync} {device_type()}"


def distribute(batches: tf.data.Dataset) -> tf.distribute.DistributedDataset:
    """Divides global batches among the devices."""
    if device_type() == "GPU" or strategy().num_replicas_in_sync > 1:
        return strategy().experimental_distribute_dataset(batches)
    # One CPU: nothing to divide or to send, and the usual way warns of that in every epoch.
    options = tf.distribute.InputOptions(
        experimental_fetch_to_device=False,
        experimental_replication_mode=tf.distribute.InputReplicationMode.PER_REPLICA,
    )
    return strategy().distribute_datasets_from_function(lambda _: batches, options)


def resolve(execution: Execution) -> Execution:
    """The same settings, with devices and precision as they are here instead of `auto`."""
    choose(execution.devices)
    precision = choose_precision(execution.precision, _capabilities())
    steps = execution.steps_per_execution or 1
    return replace(execution, devices=summary(), precision=precision, steps_per_execution=steps)


def _capabilities() -> list[tuple[int, int]]:
    """The compute capabilities of the GPUs that are trained on."""
    gpus = tf.config.list_physical_devices("GPU") if device_type() == "GPU" else []
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return [detail.get("compute_capability", (0, 0)) for detail in details]


def check_execution(execution: Execution, steps: int) -> None:
    """Checks what Keras 3.15 cannot do before it fails in its own words.

    Args:
        execution: How to compute.
        steps: Number of steps in an epoch.

    Raises:
        InputError: for what does not work on several devices, or does not divide an epoch.
    """
    # https://github.com/keras-team/keras/issues/21366 and 19246
    count = replicas()
    if count > 1 and execution.jit_compile:
        raise InputError(f"jit_compile does not work on {count} devices: leave it out.")
    check_steps(execution, steps, count)


def compile_settings(execution: Execution | None = None) -> dict[str, Any]:
    """How `Model.compile` is to make programs; of a model that is not trained without any."""
    if execution is None:
        return {"jit_compile": False}  # XLA is slow on CPUs
    names = ("jit_compile", "steps_per_execution")
    return {name: getattr(execution, name) for name in names}


def replicas() -> int:
    """The number of devices that a batch is divided among."""
    return strategy().num_replicas_in_sync


def scope():
    """The context in which a model is built and compiled for the devices."""
    return strategy().scope()


def hardware() -> dict[str, Any]:
    """The accelerators, and the version of the framework, for records."""
    gpus = tf.config.list_physical_devices("GPU")
    details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
    return {
        "versions": {"tensorflow": tf.__version__},
        "gpus": [detail.get("device_name") for detail in details],
    }


def check_keras() -> None:
    """Training runs on Keras's TensorFlow backend with channels last.

    Raises:
        InputError: if Keras is set up otherwise.
    """
    settings = keras.backend.backend(), keras.config.image_data_format()
    if settings != ("tensorflow", "channels_last"):
        raise InputError(
            "training needs Keras with the tensorflow backend and channels_last images, not "
            f"{' and '.join(settings)}: check KERAS_BACKEND and ~/.keras/keras.json."
        )
