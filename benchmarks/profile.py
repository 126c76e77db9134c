"""Where the time of a training step goes: `python -m benchmarks.profile --model=resnet20`.

Prints milliseconds a step, summed over threads, by kind of operation. The network and the recipe
have the flags of `train.cifar`; images are random.
"""

import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks.contestants import images
from benchmarks.scaling import FLOPS_PER_MAC, PASSES
from keras_resnet import families
from keras_resnet.spec import Spec
from train import flags
from train.backend import backend
from train.data.dataset import Data
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import trainer
from train.workflow import changed

COMMAND = flags.Command("benchmarks.profile", __doc__)
COMMAND.add(int, "kinds", 20, "kinds of operations to show, the slowest first", low=1)
COMMAND.share("model", "recipe", "spec")
for group in (Spec, Recipe, Execution):
    COMMAND.add_fields(group, without=("input_shape", "classes", "epochs", "validation_fraction"))
WARM, STEPS = 10, 10


def prepare(values: flags.Values) -> trainer.Training:
    """The training whose steps are looked at."""
    name, network, recipe = flags.base(values)
    recipe = replace(recipe, **values.given(Recipe), epochs=1, validation_fraction=0.0)
    network = changed(network, values.given(Spec))
    shown = images((WARM + 2 * STEPS + 2) * recipe.batch_size, network.input_shape)
    data = Data("random", tuple("0123456789"), shown, shown)
    return trainer.prepare(network, recipe, data, Execution(**values.given(Execution)), name)


def trace(training: trainer.Training, folder: str) -> float:
    """Records some steps in the profiler's format; seconds a step without that."""
    batches = iter(backend().training_batches(training.images, 10, training.recipe))
    training.model.make_train_function()
    step = training.model.train_function
    for _ in range(WARM):
        step(batches)
    began = perf_counter()
    for _ in range(STEPS):
        logs = step(batches)
    float(logs["loss"])  # waits for the last one
    seconds = (perf_counter() - began) / STEPS
    tf.profiler.experimental.start(folder)
    for _ in range(STEPS):
        step(batches)
    tf.profiler.experimental.stop()
    return seconds


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
    training = prepare(values)
    with tempfile.TemporaryDirectory() as folder:
        seconds = trace(training, folder)
        times, counts = by_kind(folder)
    total, batch = sum(times.values()), training.recipe.batch_size
    convolutions = sum(time for kind, time in times.items() if "Conv2D" in kind)
    work = PASSES * FLOPS_PER_MAC * families.macs(training.network) * batch
    print(
        f"{1000 * seconds:.0f} ms a step of {batch} images, {batch / seconds:.0f} images a second, "
        f"{work / seconds / 1e9:.0f} GFLOP/s of convolutions and products"
    )
    print(f"{total:.0f} ms summed over threads, {convolutions / total:.0%} of it in convolutions:")
    slowest = sorted(times.items(), key=lambda row: -row[1])
    for kind, milliseconds in slowest[: values.kinds]:
        print(f"{milliseconds:8.1f} ms {milliseconds / total:6.1%} {counts[kind]:6.0f} x {kind}")


if __name__ == "__main__":
    COMMAND.start(main)
