"""Trainings on JAX by single steps and by blocks of steps, for `test_blocks.py`; prints JSON."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from train.backend import backend

engine = backend()

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from keras_resnet import Spec  # noqa: E402
from tests.train.trainer.survive import colours  # noqa: E402
from train.backend.jax import blocks  # noqa: E402
from train.data.dataset import Data, Split  # noqa: E402
from train.settings.execution import Execution  # noqa: E402
from train.settings.recipe import Recipe  # noqa: E402
from train.trainer import fitting, trainer  # noqa: E402
from train.utils.stop_signals import Stopped  # noqa: E402

RECIPE = Recipe(
    epochs=2, batch_size=16, learning_rate=0.01, mixup=0.3, crop_padding=2, ema_decay=0.9,
    class_weight="balanced",
)  # fmt: skip
SPEC = Spec(blocks=(1,), widths=(8,), dropout=0.1)  # dropout: seeds are state, too
DATA = Data("colours", ("red", "green", "blue"), colours(120), colours(30))  # 6 steps an epoch


def train(folder: Path, steps: int, callbacks=()) -> fitting.Result:
    execution = Execution(precision="float32", steps_per_execution=steps)
    training = trainer.prepare(SPEC, RECIPE, DATA, execution)
    return fitting.fit(training, folder, callbacks=callbacks)


def difference(one: fitting.Result, other: fitting.Result) -> float:
    """The largest, of all weights and measures that no clock made."""
    pairs = zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    rows = zip(one.progress.history, other.progress.history, strict=True)
    return max(
        *(float(np.abs(a - b).max()) for a, b in pairs),
        *(abs(a[key] - b[key]) for a, b in rows for key in a.keys() - {"images_per_second"}),
    )


def pixels(changes: dict) -> tuple[int, list[int], int]:
    """How many pixels differ, and how many steps blocks hold, where they begin within an epoch."""
    recipe, images = replace(RECIPE, **changes), DATA.train.subset(np.arange(105))
    whole = engine.training_batches(images, 3, recipe, 0, 1)
    odd, sizes, most = 0, [], 0
    for block, *others in engine.training_batches(images, 3, recipe, 0, 1, block=4):
        sizes.append(len(block.own.which))
        for row in range(sizes[-1]):
            shown, *rest = next(whole)
            one = blocks.Block(block.stock, *jax.tree.map(lambda part, r=row: part[r], block[1:]))
            found = np.asarray(blocks.images(one, images.shape[:2])).astype(int)
            odd += int((found != shown).sum())
            most = max(most, int(np.abs(found - shown).max()))
            for part, same in zip(others, rest, strict=True):
                np.testing.assert_array_equal(part[row], same)
    assert next(whole, None) is None
    return odd, sizes, most


def main(root: Path) -> None:
    seen: list[str] = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(type(logs["loss"]).__name__)
    )
    single, block = train(root / "single", 1), train(root / "block", 3, [look])

    def stop(batch, logs):
        if batch == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    stops = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    said = ""
    try:
        train(root / "halves", 3, [stops])
    except Stopped as stopped:
        said = str(stopped)
    whole = Split(np.zeros((45_000, 8, 8, 3), np.uint8), np.zeros(45_000, np.int32))
    found = {
        "single and block": difference(single, block),
        "seen": seen,
        "stop": said,
        "whole and halves": difference(block, train(root / "halves", 3)),
        "cropped": pixels({"mixup": 0.0}),
        "mixed": pixels({"border": "reflect", "cutout": 5}),
        "sizes": {
            "cpu": blocks.block_steps(whole, RECIPE, engine.resolve(Execution())),
            "auto": blocks.block_steps(whole, replace(RECIPE, batch_size=128), Execution()),
            "prime": blocks.block_steps(whole, replace(RECIPE, batch_size=297), Execution()),
            "photographs": blocks.block_steps(whole, replace(RECIPE, crop="area"), Execution()),
        },
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
