"""Times a `.tflite` file in a process of its own: `python train/latency.py model.tflite THREADS`.

Imports the runtime only, so that the memory is that of an app; prints JSON.
"""

import json
import re
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.cpu_options import CpuOptions
from ai_edge_litert.options import Options

RUNS, FEWEST = 350, 20  # the first seventh of them warms up
SECONDS = 10.0  # long enough for a slow model, if it has run the fewest times


def measure(path: str, threads: int, runs: int = RUNS) -> dict[str, float | int | bool]:
    """Runs a model on noise, one image at a time.

    Returns:
        Milliseconds an image, `median_ms` and `p95_ms`, of so many `runs`; `memory_mb`, by how much
        the process grew at most since before the model; `delegated`, whether XNNPACK computes every
        operation.
    """
    before = _peak_mb()
    model = CompiledModel.from_file(path, options=Options(cpu_options=CpuOptions(threads)))
    signature, *_ = model.get_signature_list()
    (details,) = model.get_input_tensor_details(signature).values()
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    noise = np.random.default_rng(0).integers(0, 128, details["shape"])
    inputs[0].write(noise.astype(details["dtype"]))
    times: list[float] = []
    end = perf_counter() + SECONDS
    while len(times) < min(runs, FEWEST) or (len(times) < runs and perf_counter() < end):
        begin = perf_counter()
        model.run_by_index(0, inputs, outputs)
        times.append(1000 * (perf_counter() - begin))
    warm = times[len(times) // 7 :]
    median, p95 = np.percentile(warm, [50, 95])
    return {
        "runs": len(warm),
        "median_ms": float(median),
        "p95_ms": float(p95),
        "memory_mb": _peak_mb() - before,
        "delegated": model.is_fully_accelerated(),
    }


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():  # macOS counts bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # On Linux the peak of `getrusage` is also that of the process which started this one.
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(line) / 1024


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:]))))
