"""Where the time of a training step goes: `python -m benchmarks.profile`.

Prints milliseconds a step, summed over threads, by kind of operation.
"""

import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks.contestants import BATCH, images
from keras_resnet import SPECS
from train import flags
from train.backend import backend
from train.data.dataset import Data
from train.settings.execution import Execution
from train.settings.recipe import FAST
from train.trainer import trainer

COMMAND = flags.Command("benchmarks.profile", __doc__)
COMMAND.add(int, "kinds", 20, "kinds of operations to show, the slowest first", low=1)
STEPS = 10


def trace(folder: str) -> None:
    """Records some steps in the profiler's format."""
    data = Data("random", tuple("0123456789"), images(40 * BATCH), images(1))
    recipe = replace(FAST, epochs=1, validation_fraction=0.0)
    training = trainer.prepare(SPECS["ResNet20"], recipe, data, Execution())
    batches = iter(backend().training_batches(training.images, 10, recipe))
    training.model.make_train_function()
    step = training.model.train_function
    for _ in range(10):
        step(batches)
    tf.profiler.experimental.start(folder)
    for _ in range(STEPS):
        step(batches)
    tf.profiler.experimental.stop()


def by_kind(folder: str) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds and operations in a step."""
    (file,) = Path(folder).rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(file.read_bytes())
    times: dict[str, float] = defaultdict(float)
    counts: dict[str, float] = defaultdict(float)
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                kind = name.rpartition(":")[2] if ":" in name else ""
                if kind and "::" not in name and " " not in name:
                    times[kind] += event.duration_ps / 1e9 / STEPS
                    counts[kind] += 1 / STEPS
    return times, counts


def main(values: flags.Values) -> None:
    """Trains for some steps, and prints the table."""
    values.refuse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        trace(folder)
        times, counts = by_kind(folder)
    total = sum(times.values())
    print(f"{total:.0f} ms a step of {BATCH} images, summed over threads")
    slowest = sorted(times.items(), key=lambda row: -row[1])
    for kind, milliseconds in slowest[: values.kinds]:
        print(f"{milliseconds:8.1f} ms {milliseconds / total:6.1%} {counts[kind]:6.0f} x {kind}")


if __name__ == "__main__":
    COMMAND.start(main)
