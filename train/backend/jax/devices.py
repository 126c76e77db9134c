"""Devices, and the distribution of batches over them."""

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import jax
import keras

from keras_resnet.utils.errors import InputError
from train.backend.jax.processes import processes
from train.backend.precision import choose_precision
from train.backend.steps import check_steps
from train.settings.execution import Execution


class _Chosen:
    """The devices of the process: Keras takes a distribution once, before a model is built."""

    name: str = ""
    devices: list[jax.Device] | None = None  # of all processes, in their order
    distribution: keras.distribution.DataParallel | None = None  # over several devices


def choose(name: str = "auto") -> list[jax.Device]:
    """Decides, once for the process and before JAX starts, what to train on.

    Args:
        name: `auto`, for all accelerators or else the CPU; `cpu` or `gpu`, with `:N` for N of
            them. The CPU is divided into N logical ones. After a choice, `auto` is what was chosen.

    Raises:
        InputError: if there are no such devices, or others were chosen before.
    """
    if _Chosen.devices is None:
        _Chosen.devices = _of_all_processes(_devices(name))
        _Chosen.name = name
        if len(_Chosen.devices) > 1:
            mesh = keras.distribution.DeviceMesh((len(_Chosen.devices),), ["batch"], _names())
            _Chosen.distribution = keras.distribution.DataParallel(mesh, auto_shard_dataset=False)
    elif name not in (_Chosen.name, "auto"):
        raise InputError(
            f"devices {name!r} come too late: this process trains on {_Chosen.name!r} already."
        )
    return _Chosen.devices


def _devices(name: str) -> list[jax.Device]:
    match = re.fullmatch(r"(auto|cpu|gpu|tpu)(?::([1-9]\d*))?", name)
    if not match or name.startswith("auto:"):
        raise InputError(
            f"unknown devices {name!r}: use auto, cpu, gpu, tpu, cpu:2, gpu:4 and so on."
        )
    count = int(match[2] or 0)
    if match[1] == "cpu":
        # Without it JAX starts every accelerator that it finds.
        jax.config.update("jax_platforms", "cpu")
        if count > 1:
            _divide_cpu(name, count)
    there = jax.local_devices() if match[1] == "auto" else _of_kind(match[1])
    if count > len(there):
        raise InputError(
            f"devices {name!r} are not there: this machine has {len(there)} {match[1].upper()}s."
        )
    if not there:
        raise InputError(f"devices {name!r} are not there: JAX finds {jax.devices()[0].platform}.")
    return there[: count or len(there)]


def _divide_cpu(name: str, count: int) -> None:
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError as error:  # JAX has started
        raise InputError(f"devices {name!r} come too late: JAX has started already.") from error


def _of_kind(kind: str) -> list[jax.Device]:
    try:
        return jax.local_devices(backend=kind)
    except RuntimeError:  # none of them
        return []


def _of_all_processes(own: list[jax.Device]) -> list[jax.Device]:
    """As many devices of each process as this one has, process by process."""
    everywhere = jax.devices(own[0].platform)
    return [
        device
        for number in range(jax.process_count())
        for device in [each for each in everywhere if each.process_index == number][: len(own)]
    ]


def _names() -> list[str]:
    return [f"{device.platform}:{device.id}" for device in devices()]


def devices() -> list[jax.Device]:
    """What was chosen, or else `auto`."""
    return _Chosen.devices or choose()


def summary() -> str:
    """The devices in words, as in `2 CPU`."""
    together = f" in {processes()} processes" if processes() > 1 else ""
    return f"{replicas()} {devices()[0].platform.upper()}{together}"


def replicas() -> int:
    """The number of devices that a batch is divided among."""
    return len(devices())


def distribute(batches: Any) -> Any:
    """The batches: Keras divides each among the devices of its distribution."""
    return batches


def resolve(execution: Execution) -> Execution:
    """The same settings, with devices and precision as they are here instead of `auto`."""
    choose(execution.devices)
    precision = choose_precision(execution.precision, _capabilities())
    # On a CPU, several steps at once are slower: XLA gives convolutions in loops one thread.
    one = devices()[0].platform == "cpu" or replicas() > 1
    steps = execution.steps_per_execution or int(one)
    return replace(
        execution,
        devices=summary(),
        precision=precision,
        jit_compile=True,
        steps_per_execution=steps,
    )


def _capabilities() -> list[tuple[int, int]]:
    """The compute capabilities of GPUs; as 8.0 those of others, all of which have bfloat16."""
    found = []
    for device in devices():
        if device.platform != "cpu":
            major, minor = str(getattr(device, "compute_capability", "8.0")).split(".")
            found.append((int(major), int(minor)))
    return found


def check_execution(execution: Execution, steps: int) -> None:
    """Checks what Keras would do otherwise than asked.

    Args:
        execution: How to compute.
        steps: Number of steps in an epoch.

    Raises:
        InputError: for several steps at once on several devices, or what does not divide an epoch.
    """
    check_steps(execution, steps, replicas())


def compile_settings(execution: Execution | None = None) -> dict[str, Any]:
    """How `Model.compile` is to make programs: always compiled, as JAX is slow without."""
    return {"jit_compile": True}  # several steps at once are `Block`s: Keras only repeats calls


def scope() -> AbstractContextManager:
    """The context in which a model is built and fit on all devices; outside, one is used."""
    return _Chosen.distribution.scope() if _Chosen.distribution else nullcontext()


def hardware() -> dict[str, Any]:
    """The accelerators, and the version of the framework, for records."""
    kinds = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return {"versions": {"jax": jax.__version__}, "gpus": kinds}


def check_keras() -> None:
    """Training runs with channels last.

    Raises:
        InputError: if Keras is set up otherwise.
    """
    if (found := keras.config.image_data_format()) != "channels_last":
        raise InputError(
            f"training needs Keras with channels_last images, not {found}: check "
            "~/.keras/keras.json."
        )
