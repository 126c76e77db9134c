"""Compares `.tflite` classifiers of CIFAR-10: `python -m benchmarks.side_by_side FIRST OTHER...`.

Each is scored on all test images. They are timed interleaved, one thread and one image at a time,
in several processes: machines are noisy, so only ratios to the first one's time mean anything.
"""

from pathlib import Path
from statistics import median

from benchmarks.throughput import spread
from keras_resnet.export import tflite
from keras_resnet.utils.errors import InputError
from train import flags
from train.data import sources
from train.data.dataset import Split
from train.measure.comparison import time_files
from train.settings.data import DataSettings

COMMAND = flags.Command("benchmarks.side_by_side", __doc__)
COMMAND.add_fields(DataSettings, without=["dataset", "image_size"])
COMMAND.add(int, "processes", 10, "how often the files are timed", low=1)


def main(values: flags.Values) -> None:
    """Times, scores, and prints a line for each file."""
    if not values.arguments:
        raise InputError("name the .tflite files to compare: ONE.tflite ANOTHER.tflite.")
    paths = [Path(name) for name in values.arguments]
    test = sources.load(DataSettings(**values.given(DataSettings)), 32).test
    scores = [_score(path, test) for path in paths]
    rounds = []
    for number in range(values.processes):
        rounds.append(time_files(paths, threads=1))
        ratios = " ".join(f"{row['latency_ratio']:.3f}" for row in rounds[-1])
        print(f"process {number + 1}: {ratios}", flush=True)
    for path, right, rows in zip(paths, scores, zip(*rounds, strict=True), strict=True):
        print(
            f"{path.name}: {path.stat().st_size:,} bytes, {right:.2%} of {len(test.labels):,} test "
            f"images, {median(row['median_ms'] for row in rows):.3f} ms, "
            f"{spread([row['latency_ratio'] for row in rows], 3)} of the first one's time"
        )


def _score(path: Path, test: Split) -> float:
    try:
        return (tflite.read(path)(test.read()).argmax(-1) == test.labels).mean()
    except ValueError as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"{path} is no classifier of CIFAR-10's images ({reason}).") from error


if __name__ == "__main__":
    COMMAND.start(main)
