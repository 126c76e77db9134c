"""Times `.tflite` files in a process of its own: `python train/measure/latency.py FILE...`.

Imports the runtime only, so that the memory is that of an app; prints JSON.
"""

import argparse
import json
import re
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.cpu_options import CpuOptions
from ai_edge_litert.options import Options

RUNS, FEWEST = 350, 20  # the first seventh of them warms up
IDENTIFIER = b"TFL3"  # in every .tflite file, after the first four bytes
BLOCK = 10  # runs of a model before the next one's
SECONDS = 10.0  # long enough for a slow model, if it has run the fewest times


class Timed:
    """A model that is being timed on noise, one image at a time."""

    def __init__(self, path: str, threads: int):
        with open(path, "rb") as file:
            if file.read(8)[4:] != IDENTIFIER:
                raise ValueError(f"{path} is no .tflite file")
        before = _peak_mb()
        options = Options(cpu_options=CpuOptions(threads))
        self.model = CompiledModel.from_file(path, options=options)
        signature, *_ = self.model.get_signature_list()
        (details,) = self.model.get_input_tensor_details(signature).values()
        self.inputs, self.outputs = (
            self.model.create_input_buffers(0),
            self.model.create_output_buffers(0),
        )
        noise = np.random.default_rng(0).integers(0, 128, details["shape"])
        self.inputs[0].write(noise.astype(details["dtype"]))
        self.blocks: list[list[float]] = []
        self.run(1)
        self.memory_mb = _peak_mb() - before

    def run(self, times: int) -> None:
        """Runs so many times on end."""
        self.blocks.append([])
        for _ in range(times):
            begin = perf_counter()
            self.model.run_by_index(0, self.inputs, self.outputs)
            self.blocks[-1].append(1000 * (perf_counter() - begin))

    @property
    def warm(self) -> list[list[float]]:
        """The blocks of runs after those that warmed up."""
        return self.blocks[max(1, len(self.blocks) // 7) :]

    def row(self, first: "Timed") -> dict[str, float | int | bool]:
        """What was measured; `first` is the baseline."""
        times = np.concatenate(self.warm)
        median, p95 = np.percentile(times, [50, 95])
        pairs = zip(self.warm, first.warm, strict=True)
        return {
            "runs": len(times),
            "median_ms": float(median),
            "p95_ms": float(p95),
            "latency_ratio": float(
                np.median([np.median(own) / np.median(its) for own, its in pairs])
            ),
            "memory_mb": self.memory_mb,
            "delegated": self.model.is_fully_accelerated(),
        }


def measure(paths: Sequence[str], threads: int, runs: int = RUNS) -> list[dict]:
    """Times models interleaved, so that other work on the machine slows all of them alike.

    Args:
        paths: Of `.tflite` files.
        threads: To compute with.
        runs: Of each; fewer, but not less than `FEWEST`, if that takes too long.

    Returns:
        For each, milliseconds an image, `median_ms` and `p95_ms`, of so many `runs`;
        `latency_ratio`, the median ratio of its time to the first model's in the same round;
        `memory_mb`, by how much the process grew at most as it was loaded and first run;
        `delegated`, whether XNNPACK computes every operation.

    Raises:
        OSError, RuntimeError, ValueError: if a file cannot be run, or a number is too small.
    """
    least = {"threads": (threads, 1), "runs": (runs, 2)}  # of which the first ones warm up
    for name, (value, fewest) in least.items():
        if value < fewest:
            raise ValueError(f"{name} must be at least {fewest}; got {value}")
    models = [Timed(path, threads) for path in paths]
    end = perf_counter() + SECONDS * len(models)
    done = 1
    while done < min(runs, FEWEST) or (done < runs and perf_counter() < end):
        block = min(BLOCK, runs - done)
        for model in models:
            model.run(block)
        done += block
    return [model.row(models[0]) for model in models]


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():  # macOS counts bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # On Linux the peak of `getrusage` is also that of the process which started this one.
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(line) / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    try:
        print(json.dumps(measure(arguments.files, arguments.threads, arguments.runs)))
    except OSError as error:
        sys.exit(f"error: cannot read {error.filename} ({error.strerror}).")
    except (RuntimeError, ValueError) as error:
        sys.exit(f"error: {str(error).splitlines()[0]}.")
