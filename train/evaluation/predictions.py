"""Predictions of many images, of which only a row of numbers is kept; a killed pass goes on."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError
from train.data.dataset import CHUNK, Split
from train.evaluation.calibration import Choices, temper
from train.utils.probabilities import losses
from train.utils.stop_signals import Stopped, stop_requests

# From some images to `(n, classes)` probabilities by name; the first of them is what is scored.
Columns = Callable[[Split], dict[str, np.ndarray]]

PREDICTIONS = "predictions.safetensors"
SAVE_SECONDS = 10.0  # most work to lose, and how often to say how long it will take
TOP = 5


class Predictions(NamedTuple):
    """What is kept of each image."""

    labels: np.ndarray
    confidences: np.ndarray  # probability of the predicted class
    tempered: np.ndarray  # the same at the temperature that was chosen
    losses: np.ndarray
    in_top5: np.ndarray  # whether the label is among the five most probable classes
    columns: dict[str, np.ndarray]  # the predicted classes, by name of the column

    @property
    def predicted(self) -> np.ndarray:
        """The classes predicted by what is scored."""
        return next(iter(self.columns.values()))


def probabilities(columns: Columns, split: Split) -> np.ndarray:
    """The `(n, classes)` probabilities of what is scored, for images that are not many."""
    return np.concatenate([_checked(columns(part))[0] for part in split.parts()])


def predict(
    columns: Columns,
    split: Split,
    choices: Choices,
    path: Path,
    key: str,
    chunk: int = CHUNK,
    save_seconds: float = SAVE_SECONDS,
) -> Predictions:
    """Predicts all images of a split, from where a pass that was killed has come to.

    Args:
        columns: What predicts.
        split: The images.
        choices: Of which the temperature is applied.
        path: The file that keeps the rows.
        key: What identifies the pass: rows of another one are not used.
        chunk: Images at a time.
        save_seconds: How much work may be lost.

    Raises:
        InputError: if a probability is not finite.
        Stopped: after SIGINT or SIGTERM, when all is saved.
    """
    kept = _read(path, key)
    parts, done = ([kept], len(kept["labels"])) if kept else ([], 0)
    begun = saved = time.monotonic()
    first = done
    if 0 < done < len(split):
        print(f"going on after {done:,} of {len(split):,} images", flush=True)
    with stop_requests() as requests:
        for some in split.parts(chunk, done):
            parts.append(_rows(columns(some), some.labels, choices.temperature))
            done += len(some)
            late = time.monotonic() - saved > save_seconds
            if late or requests or done == len(split):
                parts = [_joined(parts)]
                _write(path, key, parts[0])
                saved = time.monotonic()
            if requests:
                raise Stopped(f"{requests[0]}: stopped after {done:,} images.")
            if late and done < len(split):
                left = (saved - begun) * (len(split) - done) / (done - first)
                print(f"{done:,} of {len(split):,} images, {left:.0f} s left", flush=True)
    return _predictions(_joined(parts))


Rows = dict[str, np.ndarray]
COLUMN = "column "  # begins the names of the arrays of predicted classes


def _rows(found: dict[str, np.ndarray], labels: np.ndarray, temperature: float) -> Rows:
    scored, *_ = _checked(found)
    # Of equal probabilities the first counts, as in `argmax`.
    order = np.argsort(-scored, axis=-1, kind="stable")[:, :TOP]
    return {
        "labels": labels.astype(np.int32),
        "confidences": scored.max(-1).astype(np.float32),
        "tempered": temper(scored, temperature).max(-1).astype(np.float32),
        "losses": losses(scored, labels).astype(np.float32),
        "in_top5": (order == labels[:, None]).any(-1),
    } | {f"{COLUMN}{name}": p.argmax(-1).astype(np.int32) for name, p in found.items()}


def _checked(found: dict[str, np.ndarray]) -> list[np.ndarray]:
    for values in found.values():
        if not np.isfinite(values).all():
            raise InputError("there are probabilities that are not finite: train or export again.")
    return [*found.values()]


def _joined(parts: list[Rows]) -> Rows:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _predictions(rows: Rows) -> Predictions:
    predicted = {name for name in rows if name.startswith(COLUMN)}
    columns = {name.removeprefix(COLUMN): rows[name] for name in rows if name in predicted}
    own: Any = {name: rows[name] for name in rows if name not in predicted}
    return Predictions(**own, columns=columns)


def _write(path: Path, key: str, rows: Rows) -> None:
    # The file sorts its arrays: their order is kept apart.
    with replacing(path) as partial:
        partial.write_bytes(save(rows, {"key": key, "names": "\n".join(rows)}))


def _read(path: Path, key: str) -> Rows | None:
    """The rows that are kept of the same pass; `None` if there are none."""
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata()
            if metadata["key"] != key:
                return None
            return {name: file.get_tensor(name) for name in metadata["names"].split("\n")}
    except FileNotFoundError:
        return None
    except (SafetensorError, KeyError, TypeError) as error:
        print(f"{path} is damaged ({error}): all images are predicted again.")
        return None
