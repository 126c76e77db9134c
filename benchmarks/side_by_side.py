"""Compares `.tflite` classifiers of CIFAR-10: `python -m benchmarks.side_by_side FIRST OTHER...`.

Each is scored on all test images. They are timed in turn, one thread and one image at a time, in
several processes: machines are noisy, so only the ratios to the first one's time mean anything.
"""

from pathlib import Path
from statistics import median

from benchmarks.throughput import spread
from keras_resnet import tflite
from keras_resnet.errors import InputError
from train import flags, sources
from train.comparison import time_files
from train.data import Split

FLAGS = flags.FLAGS
flags.share("data_dir")
flags.DEFINE_integer("processes", 10, "how often the files are timed.", lower_bound=1)


def main(arguments: list[str]) -> None:
    """Times, scores, and prints a line for each file."""
    if not arguments:
        raise InputError("name the .tflite files to compare: ONE.tflite ANOTHER.tflite.")
    paths = [Path(name) for name in arguments]
    test = sources.load("cifar10", FLAGS.data_dir, None, 32).test
    scores = [_score(path, test) for path in paths]
    rounds = []
    for number in range(FLAGS.processes):
        rounds.append(time_files(paths, threads=1))
        ratios = " ".join(f"{row['relative']:.3f}" for row in rounds[-1])
        print(f"process {number + 1}: {ratios}", flush=True)
    for path, right, rows in zip(paths, scores, zip(*rounds, strict=True), strict=True):
        print(
            f"{path.name}: {path.stat().st_size:,} bytes, {right:.2%} of {len(test.labels):,} test "
            f"images, {median(row['median_ms'] for row in rows):.3f} ms, "
            f"{spread([row['relative'] for row in rows], 3)} of the first one's time"
        )


def _score(path: Path, test: Split) -> float:
    try:
        return (tflite.read(path)(test.images).argmax(-1) == test.labels).mean()
    except ValueError as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"{path} is no classifier of CIFAR-10's images ({reason}).") from error


if __name__ == "__main__":
    flags.start(main)
