"""How a machine computes a training. Standard library only."""

from dataclasses import dataclass

from keras_resnet.utils.fields import Settings, option

PRECISIONS = {
    "auto": "the fastest that this hardware does well",
    "float32": "single precision",
    "mixed_bfloat16": "for CPUs with AVX512-BF16 or AMX, GPUs of compute capability 8.0 or higher",
    "mixed_float16": "for GPUs of compute capability 7.0 or higher; the loss is scaled",
}


@dataclass(frozen=True)
class Execution(Settings):
    """How a machine computes a training; the examples and their order stay the same.

    Raises:
        InputError: if a field is out of its range.
    """

    devices: str = option("auto", "what to train on: auto, cpu, gpu, cpu:2, gpu:4 and so on")
    precision: str = option("auto", "arithmetic", choices=PRECISIONS)
    jit_compile: bool = option(False, "compile with XLA: slow on CPUs; on one device only")
    steps_per_execution: int = option(
        0, "steps without return to Python, on one device; 0 for as many as are fast", low=0
    )


@dataclass(frozen=True)
class Processes(Settings):
    """The processes that train together, as one of them is told; by default it trains alone.

    Raises:
        InputError: if a field is out of its range.
    """

    coordinator: str = option("", "HOST:PORT of process 0, or auto: as Slurm and others tell")
    num_processes: int = option(1, "how many processes train together", low=1)
    process_id: int = option(0, "which of them this is, from 0", low=0)
    join_seconds: int = option(300, "how long to wait for the others at the start", low=1)
