"""What a training runs on: devices, and the arithmetic that suits them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

from keras_resnet.errors import InputError, lookup
from keras_resnet.options import check, option

PRECISIONS = {
    "auto": "the fastest that this hardware does well",
    "float32": "single precision",
    "mixed_bfloat16": "for CPUs with AVX512-BF16 or AMX, GPUs of compute capability 8.0 or higher",
    "mixed_float16": "for GPUs of compute capability 7.0 or higher; the loss is scaled",
}


@dataclass(frozen=True)
class Execution:
    """How a machine computes a training; of the result, it changes the last bits only.

    Raises:
        InputError: if a field is out of its range.
    """

    devices: str = option("auto", "what to train on: auto, cpu, gpu, cpu:2, gpu:4 and so on")
    precision: str = option("auto", "arithmetic", choices=PRECISIONS)
    jit_compile: bool = option(False, "compile with XLA: slow on CPUs; on one device only")
    steps_per_execution: int = option(1, "steps without return to Python, on one device", low=1)

    def __post_init__(self) -> None:
        check(self)

    def check_devices(self, replicas: int, steps: int) -> None:
        """Checks what Keras 3.15 cannot do before it fails in its own words.

        Args:
            replicas: Number of devices.
            steps: Number of steps in an epoch.

        Raises:
            InputError: for what does not work on several devices, or does not divide an epoch.
        """
        # https://github.com/keras-team/keras/issues/21366 and 19246
        if replicas > 1 and self.jit_compile:
            raise InputError(f"jit_compile does not work on {replicas} devices: leave it out.")
        if replicas > 1 and self.steps_per_execution > 1:
            raise InputError(
                f"steps_per_execution {self.steps_per_execution} does not work on {replicas} "
                "devices: leave it out."
            )
        if steps % self.steps_per_execution:
            raise InputError(
                f"steps_per_execution {self.steps_per_execution} does not divide the {steps} steps "
                "of an epoch: choose a divisor."
            )

    def resolved(self) -> "Execution":
        """The same with devices and precision as they are here instead of `auto`."""
        choose(self.devices)
        return replace(self, devices=summary(), precision=choose_precision(self.precision))


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
    asked = re.fullmatch(r"(auto|cpu|gpu)(?::([1-9]\d*))?", name)
    if not asked or name.startswith("auto:"):
        raise InputError(f"unknown devices {name!r}: use auto, cpu, gpu, cpu:2, gpu:4 and so on.")
    gpus = tf.config.list_physical_devices("GPU")
    kind = {"auto": "GPU" if gpus else "CPU"}.get(asked[1], asked[1].upper())
    count = int(asked[2] or (len(gpus) if kind == "GPU" else 1))
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
            raise InputError(f"devices {name!r} come too late: {error}.") from error
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
    gpus = tf.config.list_physical_devices("GPU") if device_type() == "GPU" else []
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
def enough_memory() -> Iterator[None]:
    """Says in a sentence that the devices' memory did not suffice.

    Raises:
        InputError: in that case.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise InputError(
            f"{summary()} ran out of memory: lower --batch_size, or choose a smaller network."
        ) from error


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Builds layers under a dtype policy, and puts the former one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
