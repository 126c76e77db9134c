"""The peak memory of a training on a folder of photographs, and on the same listed many times.

`python -m benchmarks.photo_memory --dataset=FOLDER --times=1 --times=50`
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Makes a folder of links for each number of times, and trains on it in its own process."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--dataset", type=Path, required=True)
    flags.add_argument("--times", type=int, action="append", required=True)
    flags.add_argument("--image_size", type=int, default=64)
    flags.add_argument("--steps", type=int, default=60)
    flags.add_argument("--here", action="store_true", help="train in this process")
    options = flags.parse_args()
    if options.here:
        train(options)
        return
    for times in options.times:
        with tempfile.TemporaryDirectory() as root:
            link(options.dataset.resolve(), Path(root, "photos"), times)
            command = [sys.executable, "-m", "benchmarks.photo_memory", "--here", "--times=1",
                       f"--dataset={root}/photos", f"--image_size={options.image_size}",
                       f"--steps={options.steps}"]  # fmt: skip
            cache = os.environ | {"XDG_CACHE_HOME": root}
            said = subprocess.run(command, env=cache, check=True, capture_output=True, text=True)
            print(f"{times} times: {said.stdout.splitlines()[-1]}", flush=True)


def link(source: Path, target: Path, times: int) -> None:
    """A folder of links to the training images, so many times, and to those to test with once."""
    for split, count in (("train", times), ("val", 1)):
        for number in range(count):
            for folder in sorted((source / split).iterdir()):
                place = target / split / folder.name / str(number)
                place.mkdir(parents=True)
                for file in folder.iterdir():
                    (place / file.name).symlink_to(file)


def train(options: argparse.Namespace) -> None:
    """Some steps of the real training."""
    from keras_resnet.spec.presets import SPECS
    from train.backend import backend

    backend()
    from train.data import sources
    from train.measure.step_time import time_steps
    from train.settings.data import DataSettings
    from train.settings.execution import Execution
    from train.settings.recipe import Recipe
    from train.trainer import trainer

    begun = time.monotonic()
    size = options.image_size
    data = sources.load(DataSettings(str(options.dataset), image_size=size), size)
    data.record()
    loaded = time.monotonic() - begun
    recipe = Recipe(epochs=1, crop="area", color_jitter=0.4, lighting=0.1, mixup=0.2, cutmix=0.5)
    training = trainer.prepare(SPECS["ResNet8"], recipe, data, Execution())
    time_steps(training, options.steps, 0.0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(data.train):,} training images known in {loaded:.0f} s; peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
