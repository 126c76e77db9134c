"""What a training runs on: devices, and the arithmetic that suits them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import keras
import tensorflow as tf

from keras_resnet.errors import InputError, lookup

PRECISIONS = {
    "auto": "the fastest that this hardware does well",
    "float32": "single precision",
    "mixed_bfloat16": "for CPUs with AVX512-BF16 or AMX, GPUs of compute capability 8.0 or higher",
    "mixed_float16": "for GPUs of compute capability 7.0 or higher; the loss is scaled",
}


@cache
def strategy() -> tf.distribute.Strategy:
    """All GPUs, or the CPU. One object for the process: a second one breaks its collectives."""
    devices = tf.config.list_logical_devices(device_type())
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def device_type() -> str:
    """`GPU` or `CPU`: what the strategy trains on."""
    return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"


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


def choose_precision(name: str) -> str:
    """The Keras policy for a key of `PRECISIONS`.

    Raises:
        InputError: if the name is unknown.
    """
    lookup(PRECISIONS, name, "precision")
    if name != "auto":
        return name
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    capabilities = [detail.get("compute_capability", (0, 0)) for detail in details]
    cpuinfo = Path("/proc/cpuinfo")
    return best_precision(capabilities, cpuinfo.read_text() if cpuinfo.exists() else "")


def best_precision(capabilities: list[tuple[int, int]], cpuinfo: str) -> str:
    """The Keras policy for GPUs of these compute capabilities or, with none, for this CPU."""
    if not capabilities:
        fast = "avx512_bf16" in cpuinfo or "amx_bf16" in cpuinfo
        return "mixed_bfloat16" if fast else "float32"
    least = min(capabilities)
    return (
        "mixed_bfloat16" if least >= (8, 0) else "mixed_float16" if least >= (7, 0) else "float32"
    )


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Builds layers under a dtype policy, and puts the former one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
