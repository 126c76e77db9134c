"""What an accelerator does with these networks, and with PyTorch's.

`python benchmarks/accelerator.py --out=FILE.json` runs by itself on a bare machine with JAX and
PyTorch: Keras and CIFAR-10 are what `benchmarks/carry.py` has packed beside it. Parts come by
priority for as long as `--seconds` last; each is printed when it is done, and the file is written
anew. What is in the file already is not measured again: the same command goes on. In a speed, ours
and PyTorch's take turns, each in a process of its own; numbers are medians over rounds.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

HERE = Path(__file__).parent
# Dense bfloat16 FLOP/s, from NVIDIA's data sheets of the H100 (SXM, PCIe), H200 and A100.
PEAKS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12}
ROUNDS = 3


class Part(NamedTuple):
    """Something to measure."""

    name: str
    kind: str  # speed, or train
    least: float  # seconds that must be left to begin it
    job: dict[str, Any]


def speed(network: str, batch: int, least: float, side: int = 32, steps: int = 0) -> Part:
    """Images a second of a network at a batch size, of random images; steps are in one call."""
    job = {"network": network, "batch": batch, "side": side, "steps_per_execution": steps}
    return Part(f"speed/{network}/{batch}", "speed", least, job)


def train(name: str, network: str, least: float, width: float = 1.0, **changes: Any) -> Part:
    """Training on CIFAR-10 by a recipe, with changes to it, and its test accuracy."""
    job = {"network": network, "width": width, "changes": changes}
    return Part(f"{name}/{network}/{changes.get('seed', 0)}", "train", least, job)


SHORT: dict[str, Any] = {"recipe": "fast", "label_smoothing": 0.1, "batch_size": 512}
# He et al. 2015, table 6, test error in percent: 20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97,
# 110: 6.43 (best of five; 6.61 ± 0.16).
PAPER = {"ResNet20": 8.75, "ResNet32": 7.51, "ResNet44": 7.17, "ResNet56": 6.97, "ResNet110": 6.43}
# Trained on 45,000 images; ResNet-110 with a tenth of the rate for the first 400 steps (4.2).
PAPERS = {name: {"validation_fraction": 0.1} for name in PAPER}
PAPERS["ResNet110"]["warmup"] = 400 / 64000
PARTS = [
    speed("ResNet20", 128, 60),
    speed("ResNet50", 256, 90, side=224, steps=10),
    # Not tried on a GPU. Twice the width has 93.6 % (docs/runs/resnet20x2_24epochs.json).
    train("94", "ResNet20", 45, width=3.0, epochs=24, **SHORT),
    train("94", "ResNet8", 45, width=4.0, epochs=16, **SHORT),
    speed("ResNet20", 512, 60),
    speed("ResNet110", 128, 120),
    speed("ResNet56", 128, 90),
    speed("ResNet56", 512, 90),
    speed("ResNet110", 512, 120),
    train("96", "ResNet20", 90, width=4.0, epochs=48, **SHORT),
    speed("ResNet1001V2", 64, 240),
    *(
        train("paper", network, 240, recipe="paper", **PAPERS[network], seed=seed)
        for seed in range(5)
        for network in PAPER
    ),
]
# The same on a CPU, in the time of a test.
SMALL = [
    Part("speed/ResNet8/8", "speed", 1, {
        "network": "ResNet8", "batch": 8, "side": 8, "steps_per_execution": 2, "images": 48,
    }),
    train("paper", "ResNet8", 1, width=0.5, recipe="paper", epochs=1, batch_size=16),
]  # fmt: skip


def main() -> None:
    """Measures what is missing."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--seconds", type=float, default=450, help="the budget, all included")
    flags.add_argument("--out", type=Path, default=Path("accelerator.json"))
    flags.add_argument("--carry", type=Path, default=HERE / "carried", help="by carry.py")
    flags.add_argument("--parts", default="", help="only what begins so: 94,paper")
    flags.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    flags.add_argument("--small", action="store_true", help="tiny sizes, for a CPU")
    options = flags.parse_args()
    end = time.monotonic() + options.seconds
    rows = json.loads(options.out.read_text()) if options.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(options.carry, Path(folder))
        for part in SMALL if options.small else PARTS:
            if not part.name.startswith(tuple(options.parts.split(","))) or _done(rows, part):
                continue
            left = end - time.monotonic()
            if left < part.least:
                print(
                    f"{part.name}: left out, {max(left, 0):.0f} s of {part.least:.0f} left",
                    flush=True,
                )
                continue
            begin = time.monotonic()
            row = KINDS[part.kind](part, options, environment, left)
            rows[part.name] = row | {"seconds": round(time.monotonic() - begin, 1)}
            print(part.name, json.dumps(rows[part.name]), flush=True)
            _write(options.out, rows)


def _done(rows: dict[str, Any], part: Part) -> bool:
    row = rows.get(part.name, {})
    return bool(row.get("ours") or row.get("accuracy"))


def _write(path: Path, rows: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(rows, indent=1))
    os.replace(partial, path)


def _environment(carry: Path, folder: Path) -> dict[str, str]:
    """That of our processes: the clone, and what the machine has not, unpacked to a folder."""
    paths = [str(HERE.parent)]
    if importlib.util.find_spec("keras") is None:
        from carry import unpack_wheels

        unpack_wheels(carry, folder / "packages")
        paths.append(str(folder / "packages"))
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "KERAS_BACKEND": "jax",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "programs"),  # for the next process
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # PyTorch is there, too
    }


def measure_speed(part: Part, options, environment, seconds: float) -> dict[str, Any]:
    """Ours and PyTorch's, interleaved; of a network that one of them cannot, `why`."""
    job = json.dumps(part.job)
    commands = {
        "ours": [sys.executable, str(HERE / "accelerator_ours.py"), "speed", job],
        "torch": [options.torch, "-P", str(HERE / "accelerator_torch.py"), job],
    }
    found, why = interleaved(commands, environment, seconds)
    row: dict[str, Any] = {name: _speed(replies) for name, replies in found.items()}
    if row["ours"]:
        reply = found["ours"][-1]
        device = reply["device"]
        peak = next((flops for name, flops in PEAKS.items() if name in device), None)
        # Two FLOPs each, and the backward pass has twice those of the forward pass.
        row |= {"device": device, "share_of_peak": peak and row["ours"] * 6 * reply["macs"] / peak}
    both = zip(*found.values(), strict=False)
    ratios = [ours["images_per_s"] / theirs["images_per_s"] for ours, theirs in both]
    return row | {"times_torch": median(ratios) if ratios else None, "why": why}


def _speed(replies: list[dict[str, Any]]) -> float | None:
    return median(reply["images_per_s"] for reply in replies) if replies else None


def _kill(runs: Iterable[subprocess.Popen]) -> None:
    for run in runs:
        run.kill()


def interleaved(commands: dict[str, list[str]], environment: dict[str, str], seconds: float):
    """Lets processes take turns, and ends them when the time is over.

    Returns:
        The replies of each, without its first one, which warms up; and why some are missing.
    """
    with tempfile.TemporaryFile("w+") as errors:
        runs = {
            name: subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env=environment,
            )
            for name, command in commands.items()
        }  # fmt: skip
        late = threading.Timer(seconds, _kill, [runs.values()])
        late.start()
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
        for number in range(ROUNDS + 1):
            for name, run in runs.items():
                if reply := _turn(run):
                    found[name] += [reply] * (number > 0)
        late.cancel()
        for run in runs.values():
            run.kill()
            run.communicate()
        if all(len(replies) == ROUNDS for replies in found.values()):
            return found, ""
        return found, _reason(errors, seconds)


def _turn(run: subprocess.Popen) -> dict[str, Any] | None:
    """What a process answers; nothing if it has ended."""
    try:
        print("go", file=run.stdin, flush=True)
    except BrokenPipeError:
        return None
    for line in run.stdout or ():
        if line.startswith("{"):
            return json.loads(line)
    return None


def _reason(errors, seconds: float) -> str:
    errors.seek(0)
    said = [line for line in errors.read().splitlines() if "Error" in line]
    return said[-1][:300] if said else f"not done in {seconds:.0f} s"


def measure_training(part: Part, options, environment, seconds: float) -> dict[str, Any]:
    """One training, in a run folder beside the results, from which the next call goes on."""
    folder = options.out.absolute().parent / "runs" / part.name.replace("/", "-")
    job = json.dumps(part.job | {"carry": str(options.carry), "folder": str(folder)})
    command = [sys.executable, str(HERE / "accelerator_ours.py"), "train", job]
    with tempfile.TemporaryFile("w+") as errors:
        run = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env=environment,
        )  # fmt: skip
        late = threading.Timer(max(seconds - 10, 1), run.terminate)  # it saves, and stops
        late.start()
        reply = _turn(run)
        late.cancel()
        run.communicate()
        known = {"paper_error_percent": PAPER.get(part.job["network"])}
        paper = known if part.name.startswith("paper") else {}
        return (reply or {}) | paper | {"why": "" if reply else _reason(errors, seconds)}


KINDS = {"speed": measure_speed, "train": measure_training}

if __name__ == "__main__":
    main()
