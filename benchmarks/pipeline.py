"""How fast photographs become batches: ours, PyTorch's DataLoader, and decoding alone, interleaved.

`python -m benchmarks.pipeline --dataset=FOLDER --torch=VENV/bin/python`, where that environment has
PyTorch and torchvision. Every contestant is a process of its own on the same cores, and makes
batches of the same files when its turn comes. Images a second and core are images by seconds of
CPU time, which other work on the machine changes less than time on the clock; that is printed too.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

BATCH = 128
PEER = Path(__file__).with_name("pipeline_torch.py")


def main() -> None:
    """Measures all contestants round by round, or is one of them."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--dataset", required=True)
    flags.add_argument("--image_size", type=int, default=128)
    flags.add_argument("--images", type=int, default=2048)
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--cores", type=int, default=1)
    flags.add_argument("--torch", default="", help="a Python that has PyTorch and torchvision")
    flags.add_argument("--contestant", default="", help="for the processes that this starts")
    options = flags.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    if options.contestant:
        serve(CONTESTANTS[options.contestant](options))
        return
    settings = [f"--{name}={getattr(options, name)}" for name in
                ("dataset", "image_size", "images", "cores")]  # fmt: skip
    own = [sys.executable, "-m", "benchmarks.pipeline", *settings]
    commands = {name: [*own, f"--contestant={name}"] for name in CONTESTANTS}
    if options.torch:
        commands["torch"] = [options.torch, "-P", str(PEER), *settings]  # no module beside it
    report(interleaved(commands, options.rounds), options.images)


def interleaved(commands: dict[str, list[str]], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Lets each process take its turn, `rounds` times."""
    runs = {
        name: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name, command in commands.items()
    }
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
    for number in range(rounds + 1):  # the first one warms up
        for name, run in runs.items():
            assert run.stdin is not None
            assert run.stdout is not None
            run.stdin.write(f"{number}\n")
            run.stdin.flush()
            line = run.stdout.readline()
            if not line:  # it has said why
                sys.exit(f"error: {name} ended before its turn.")
            row = json.loads(line)
            measured[name] += [row] * (number > 0)
    for run in runs.values():
        run.communicate()
    return measured


def report(measured: dict[str, list[dict[str, float]]], images: int) -> None:
    """Prints a line for each contestant; ratios are medians of those within a round."""
    print(f"{'':10} {'images/s/core':>14} {'images/s':>10} {'of ours':>8}")
    for name, rows in measured.items():
        cpu = median(images / row["cpu"] for row in rows)
        wall = median(images / row["wall"] for row in rows)
        pairs = zip(measured["ours"], rows, strict=True)
        ratio = median(ours["cpu"] / row["cpu"] for ours, row in pairs)
        print(f"{name:10} {cpu:14,.0f} {wall:10,.0f} {ratio:8.2f}")


def serve(work: Callable[[int], None]) -> None:
    """Does its work once for each line that comes, and answers with the seconds that it took."""
    for line in sys.stdin:
        cpu, wall = cpu_seconds(), time.perf_counter()
        work(int(line))
        row = {"cpu": cpu_seconds() - cpu, "wall": time.perf_counter() - wall}
        print(json.dumps(row), flush=True)


def cpu_seconds() -> float:
    """Of this process and those that it waited for."""
    return sum(os.times()[:4])


def ours(options: argparse.Namespace) -> Callable[[int], None]:
    """Random area and aspect, mirrored: as training reads photographs, without a framework."""
    import numpy as np

    from train.data.augment import augmenter
    from train.data.draws import epoch_plan
    from train.settings.recipe import Recipe

    split, recipe = _photographs(options), Recipe(crop="area")
    augment = augmenter(split, recipe, np.zeros(3, np.uint8))

    def work(number: int) -> None:
        plan = epoch_plan(recipe, len(split), number)
        for start in range(0, options.images, BATCH):
            augment(plan.order[start : start + BATCH], plan)

    return work


def decoding(options: argparse.Namespace) -> Callable[[int], None]:
    """What libjpeg-turbo takes to decode the files whole: exact DCT, smooth upsampling."""
    import simplejpeg

    from train.data.draws import epoch_plan
    from train.settings.recipe import Recipe
    from train.utils.threads import in_threads

    split = _photographs(options)
    files = split.images.files

    def some(index) -> None:
        for i in index.tolist():
            file = files.read(int(split.rows[i]))
            simplejpeg.decode_jpeg(file, "RGB", fastdct=False, fastupsample=False)

    def work(number: int) -> None:
        order = epoch_plan(Recipe(), len(split), number).order[: options.images]
        in_threads(some, order)

    return work


def _photographs(options: argparse.Namespace):
    """The training images; what loading says of them goes where it does not disturb."""
    from contextlib import redirect_stdout

    from train.data import sources
    from train.settings.data import DataSettings

    with redirect_stdout(sys.stderr):
        settings = DataSettings(options.dataset, image_size=options.image_size)
        return sources.load(settings, options.image_size).train


CONTESTANTS = {"ours": ours, "decoding": decoding}

if __name__ == "__main__":
    main()
