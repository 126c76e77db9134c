"""Checkpoints on disk: written whole or not at all, checked when read, the last two kept.

One is a plain safetensors file of arrays, with the `Progress` as its metadata. Its name is the
number of training steps behind it and the SHA-256 of its bytes. No Keras, no TensorFlow. The best
weights so far, if they are to be delivered, are in it, too: they are as old as the rest or older.
"""

import hashlib
import json
import re
import struct
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load, save

from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import Settings, option
from keras_resnet.utils.schema import parse, parse_json
from train.backend import Arrays

CHECKPOINTS, HISTORY = "checkpoints", "history.csv"  # in the folder of a run
CHECKPOINT_SECONDS = 60.0  # the default of commands
ACCURACY = "val_accuracy"  # of the images held out, by Keras's name
KEPT = 2
NAME = re.compile(r"(\d{9})-([0-9a-f]{64})\.safetensors")


@dataclass
class Progress(Settings):
    """How far a training has come."""

    epoch: int = option(0, "finished epochs", low=0)
    step: int = option(0, "finished steps of the next one", low=0)
    seconds: float = option(0.0, "of training", low=0)
    # A row for each finished epoch.
    history: list[dict[str, int | float | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.history) != self.epoch:
            raise InputError(
                f"history must have a row for each of {self.epoch} epochs; got {len(self.history)}."
            )

    @property
    def best_epoch(self) -> int:
        """The finished epoch, from 1, of the best held-out accuracy: of several the last."""
        values = [row.get(ACCURACY) for row in self.history]
        scores = [(-1 if value is None else value, place) for place, value in enumerate(values)]
        return max(scores)[1] + 1

    def __str__(self) -> str:
        within = f"step {self.step} of epoch {self.epoch + 1}"
        return within if self.step else f"epoch {self.epoch}"


class Damaged(InputError):
    """No checkpoint of a training is whole."""


def write(folder: Path, steps: int, progress: Progress, arrays: Arrays) -> None:
    """Writes a checkpoint, then removes all but the last two, and what was never finished.

    Args:
        folder: Of the checkpoints; made if missing.
        steps: Finished steps since the start of the training.
        progress: How far it has come.
        arrays: Its state.
    """
    data = pack(progress, arrays)
    name = f"{steps:09}-{hashlib.sha256(data).hexdigest()}.safetensors"
    with replacing(folder / name) as partial:
        partial.write_bytes(data)
    for path in (*_all(folder)[:-KEPT], *folder.glob(".partial-*")):
        path.unlink()


def pack(progress: Progress, arrays: Arrays) -> bytes:
    """A checkpoint as the bytes of a file."""
    return save(arrays, {"progress": json.dumps(asdict(progress), allow_nan=False)})


def unpack(data: bytes) -> tuple[Progress, Arrays]:
    """What `pack` was given."""
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    return parse(Progress, parse_json(header["__metadata__"]["progress"], "its progress")), load(
        data
    )


def newest(folder: Path) -> tuple[Progress, Arrays] | None:
    """Reads the last checkpoint that is whole; damaged ones are named and removed.

    Returns:
        What was written, or `None` if there is none.

    Raises:
        Damaged: if there are checkpoints, and all are damaged.
    """
    there = _all(folder)
    for path in reversed(there):
        try:
            return _read(path)
        except (ValueError, KeyError, TypeError, SafetensorError) as error:
            print(f"checkpoint {path} is damaged ({error}): going back to the one before it.")
            path.unlink()
    if there:
        raise Damaged(
            f"no checkpoint in {folder} is whole: the same command begins the training anew."
        )
    return None


def _all(folder: Path) -> list[Path]:
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in paths if NAME.fullmatch(path.name) and path.is_file())


def _read(path: Path) -> tuple[Progress, Arrays]:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != path.stem.split("-")[1]:
        raise ValueError("its SHA-256 is not the one in its name")
    return unpack(data)
