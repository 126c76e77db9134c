"""How near the convolutions of a training come to the peak: `python -m benchmarks.roofline`.

TensorFlow and PyTorch both compute convolutions with oneDNN, which logs each of them with its time.
The peak is a product of large matrices in the same library. `--peer` is another training, as for
`benchmarks.throughput`; ONEDNN_MAX_CPU_ISA=AVX2 in the environment hides newer instructions.
"""

import re
import shlex
import sys
from collections import defaultdict
from statistics import median
from time import perf_counter
from typing import NamedTuple

import tensorflow as tf

from benchmarks.scaling import FLOPS_PER_MAC
from benchmarks.throughput import speed
from keras_resnet.utils.errors import InputError
from train import flags
from train.settings.execution import PRECISIONS

KINDS = {name: PRECISIONS[name] for name in ("float32", "mixed_bfloat16")}
COMMAND = flags.Command("benchmarks.roofline", __doc__)
COMMAND.add(int, "steps", 20, "training steps of ours", low=4)
COMMAND.add(str, "precision", "float32", "of ours", choices=KINDS)
COMMAND.add(str, "peer", None, "command of another training")
SIDE, ROUNDS = 2048, 9  # of the product; the fastest round counts
DIRECTIONS = {
    "forward_training": "forward",
    "backward_data": "gradient of inputs",
    "backward_weights": "gradient of kernels",
}
LINE = re.compile(r"exec,cpu,convolution,[^,]*,(\w+),[^\n]*,(mb\d\S*),([\d.]+)$", re.MULTILINE)


class Convolution(NamedTuple):
    """What oneDNN was asked for."""

    direction: str  # a value of `DIRECTIONS`
    channels: tuple[int, int]  # in, out
    places: int  # of the outputs
    kernel: int  # its pixels
    images: int

    @property
    def work(self) -> float:
        """Floating-point operations."""
        cost = FLOPS_PER_MAC * self.images * self.places * self.kernel
        return cost * self.channels[0] * self.channels[1]


def run(command: list[str]) -> tuple[float, dict[Convolution, list[float]]]:
    """Trains with oneDNN's log: images a second, and the milliseconds of each convolution."""
    rate, printed = speed(command, ONEDNN_VERBOSE="1")
    times: dict[Convolution, list[float]] = defaultdict(list)
    for name, problem, milliseconds in LINE.findall(printed):
        if name in DIRECTIONS:
            times[_convolution(DIRECTIONS[name], problem)].append(float(milliseconds))
    if not times:
        raise InputError(f"{shlex.join(command)} computed nothing with oneDNN: its log is empty.")
    return rate, times


def _convolution(direction: str, problem: str) -> Convolution:
    size = {name: int(value) for name, value in re.findall(r"(mb|ic|oc|oh|ow|kh|kw)(\d+)", problem)}
    channels, places = (size["ic"], size["oc"]), size["oh"] * size["ow"]
    return Convolution(direction, channels, places, size["kh"] * size["kw"], size["mb"])


def peak(dtype: str) -> float:
    """The FLOP/s of a product of large matrices."""
    matrix = tf.cast(tf.random.normal((SIDE, SIDE)), dtype)
    seconds = []
    for _ in range(ROUNDS):
        began = perf_counter()
        tf.linalg.matmul(matrix, matrix).numpy()
        seconds.append(perf_counter() - began)
    return FLOPS_PER_MAC * SIDE**3 / min(seconds)


def report(name: str, rate: float, times: dict[Convolution, list[float]], most: float) -> None:
    """Prints a row for each convolution, and their share of a step."""
    stem = min((each for each in times if each.direction == "forward"), key=lambda e: e.channels)
    steps = len(times[stem])  # it is computed once in each
    whole = 1000 * stem.images / rate
    print(f"{name}: {rate:.0f} images/s, {whole:.0f} ms a step")
    total = work = 0.0
    for each, milliseconds in sorted(times.items()):
        count, typical = len(milliseconds) / steps, median(milliseconds)
        total, work = total + count * typical, work + count * each.work
        reached = each.work / typical * 1000
        kernel = "x".join([str(round(each.kernel**0.5))] * 2)
        print(
            f"{count:6.1f} x {each.direction:20} {kernel} {each.channels[0]:4} to "
            f"{each.channels[1]:4}, {each.places:5} places {typical:7.2f} ms "
            f"{reached / 1e9:6.0f} GFLOP/s {reached / most:5.0%}"
        )
    print(
        f"convolutions: {total:.0f} ms of {whole:.0f}, {work / total / 1e6:.0f} GFLOP/s, "
        f"{1000 * work / total / most:.0%} of the peak, at which they would take "
        f"{1000 * work / most:.0f} ms"
    )


def main(values: flags.Values) -> None:
    """Runs the trainings one after the other, then measures the peak."""
    values.refuse_arguments()
    ours = [sys.executable, "-m", "benchmarks.contestants", "ours", str(values.steps)]
    runs = {"ours": run([*ours, values.precision])}
    if values.peer:
        runs["peer"] = run(shlex.split(values.peer))
    most = peak("float32" if values.precision == "float32" else "bfloat16")
    print(f"peak: {most / 1e9:.0f} GFLOP/s, of products of {SIDE}x{SIDE} matrices")
    for name, (rate, times) in runs.items():
        report(name, rate, times, most)


if __name__ == "__main__":
    COMMAND.start(main)
