"""Kills a training over and over: `python -m tests.train.trainer.survive --kills=25 --seed=0`.

Every attempt is a process of its own that runs the real engine in a real run folder and dies by
SIGKILL: as it starts, between steps, in a step, in validation, or while it writes a checkpoint.
What comes out in the end must equal an uninterrupted training to the last bit.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from keras_resnet import Spec, families
from train.data import sources
from train.data.dataset import Data, Split
from train.runs import folder as folders
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer import checkpoint, fitting, trainer

SPEC = Spec(blocks=(1,), widths=(8,), dropout=0.1)  # dropout: seeds are state, too
RECIPE = Recipe(
    epochs=4,
    batch_size=16,
    optimizer="muon",
    ema_decay=0.9,
    schedule="one_cycle",
    warmup=0.2,
    crop_padding=1,
)
# Learns slowly at first, so that of `mislabelled` images most are known in an early epoch.
EARLY = replace(RECIPE, learning_rate=0.003, warmup=0.9, deliver="best")

# Of photographs, all that is drawn at random and can be drawn at once.
PHOTOGRAPHS = replace(
    RECIPE, crop="area", color_jitter=0.4, lighting=0.1, random_erasing=0.5, mixup=0.2, cutmix=0.5
)

DESCRIPTION = {"model": "any", "network": families.to_json(SPEC), "recipe": asdict(EARLY)}


def colours(count):
    """Images whose colour tells their class."""
    labels = np.arange(count, dtype="int32") % 3
    images = np.random.default_rng(0).integers(0, 200, (count, 8, 8, 3))
    images[np.arange(count), :, :, labels] += 50
    return Split(images.astype("uint8"), labels)


def mislabelled(training: trainer.Training) -> trainer.Training:
    """With wrong labels of the held-out images: the more is learned, the worse they are known."""
    held_out = training.held_out
    return training._replace(held_out=Split(held_out.read(), (held_out.labels + 1) % 3))


def write_photographs(root: Path, count: int) -> None:
    """JPEG files of many sizes whose colour tells their class, some of them on their side."""
    draw = np.random.default_rng(0)
    for number in range(count):
        label = number % 3
        pixels = draw.integers(0, 200, (*draw.integers(12, 40, 2), 3))
        pixels[:, :, label] += 50
        exif = Image.Exif()
        exif[0x0112] = 1 + number % 8
        split = "val" if number % 8 == 7 else "train"
        path = root / split / ("red", "green", "blue")[label] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype("uint8")).save(path, quality=90, exif=exif)


def train(folder: Path, options: argparse.Namespace, steps: int) -> None:
    """One attempt; writes a byte to a pipe after each step."""
    if options.photographs:
        settings = DataSettings(str(folder.parent / "photographs"), image_size=8)
        data, recipe = sources.load(settings, 8), PHOTOGRAPHS
    else:
        data = Data("colours", ("red", "green", "blue"), colours(700), colours(30))
        recipe = EARLY
    recipe = replace(recipe, epochs=options.epochs)
    training = trainer.prepare(SPEC, recipe, data, Execution(precision=options.precision))
    if recipe.deliver == "best":
        training = mislabelled(training)

    def tell(batch, logs):
        os.write(steps, b".")

    tell = [keras.callbacks.LambdaCallback(on_train_batch_end=tell)]
    with folders.record_run(folder, DESCRIPTION, overwrite=False) as record:
        result = fitting.fit(training, folder, 0.0, tell)  # saves after every step
        arrays = {str(i): array for i, array in enumerate(result.model.get_weights())}
        checkpoint.write(folder / "result", 0, result.progress, arrays)
        record["seconds"] = result.progress.seconds


def attempt(folder: Path, options: argparse.Namespace, watch) -> bool:
    """Forks a training, kills it if `watch(steps)` is true, and says if it ended before that."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            train(folder, options, writing)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    if watch(reading):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reading)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit("an attempt failed")
    return os.WIFEXITED(status)


def outcome(folder: Path):
    """History without what a clock measured, and weights."""
    progress, arrays = checkpoint.newest(folder / "result")
    rows = [row | {"images_per_second": None} for row in progress.history]
    return rows, arrays


def main() -> None:
    flags = argparse.ArgumentParser()
    flags.add_argument("--kills", type=int, default=25)
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--epochs", type=int, default=4)
    flags.add_argument("--precision", default="mixed_bfloat16")
    flags.add_argument("--photographs", action="store_true", help="a folder of JPEG files")
    options = flags.parse_args()
    chance = random.Random(options.seed)

    with tempfile.TemporaryDirectory() as root:
        calm, killed = Path(root, "calm"), Path(root, "killed")
        if options.photographs:
            os.environ["XDG_CACHE_HOME"] = root
            write_photographs(Path(root, "photographs"), 720)
        begin = first = time.monotonic()

        def in_peace(steps):
            nonlocal first
            os.read(steps, 1)
            first = time.monotonic()
            while os.read(steps, 100):
                pass
            return False

        attempt(calm, options, in_peace)
        start, rest = first - begin, time.monotonic() - first
        print(f"uninterrupted: {start:.1f} s to the first step, then {rest:.1f} s", flush=True)

        def anywhere(steps):
            time.sleep(chance.uniform(0, start + rest / options.kills))
            return True

        def in_steps(steps):
            os.read(steps, 1)
            for _ in range(chance.randrange(6)):
                os.read(steps, 1)
            time.sleep(chance.uniform(0, rest / 100))
            return True

        def unfinished():
            return {path.name for path in (killed / checkpoint.CHECKPOINTS).glob(".partial-*")}

        def while_writing(steps):
            in_steps(steps)
            while not unfinished() - before:
                pass
            return True

        count, torn = 0, 0
        while count < options.kills:
            before = unfinished()
            if attempt(killed, options, (in_steps, while_writing, anywhere)[count % 3]):
                sys.exit(f"the training ended after {count} kills: make it longer")
            count += 1
            torn += bool(unfinished() - before)
            there = sorted((killed / checkpoint.CHECKPOINTS).glob("[0-9]*"))
            print(f"kill {count} after step {int(there[-1].name[:9]) if there else 0}", flush=True)
        attempt(killed, options, in_peace)

        (rows, arrays), (their_rows, their_arrays) = outcome(calm), outcome(killed)
        if not options.photographs:  # of which the last epoch is delivered
            assert checkpoint.newest(calm / "result")[0].best_epoch < options.epochs
        assert rows == their_rows, f"{rows}\n{their_rows}"
        assert arrays.keys() == their_arrays.keys()
        for name, array in arrays.items():
            assert array.tobytes() == their_arrays[name].tobytes(), f"weights {name} differ"
    print(
        f"{count} kills, {torn} of them within the write of a checkpoint: history and "
        f"{len(arrays)} arrays of weights equal to the bit, {time.monotonic() - begin:.0f} s."
    )


if __name__ == "__main__":
    main()
