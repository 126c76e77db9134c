"""What a network says of photographs before its head, kept by what is in their files.

So a head is trained again within seconds, and a folder with ten more photographs costs ten.
"""

import hashlib
import zlib
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from keras_resnet import __version__
from keras_resnet.utils.recursion import functional
from keras_resnet.weights.readers import HEAD
from train.data import cache
from train.data.dataset import Split
from train.trainer.trainer import Training

BATCH = 32  # images; smaller ones are filled up, as another shape would be compiled for
KEPT = 30.0  # seconds of work to lose if the process is killed


class Computed(NamedTuple):
    """Features, and what they took."""

    features: list[np.ndarray]  # of each split: (n, features) float32
    computed: int  # images that were not known
    seconds: float  # for these


def compute(training: Training, splits: list[Split]) -> Computed:
    """Computes the features of photographs, those that are not kept yet.

    Args:
        training: Of the network, with the weights that it begins from.
        splits: Photographs of one source.
    """
    images = splits[0].images
    rows = np.concatenate([split.rows for split in splits])
    assert images.digests is not None  # they are photographs
    names = [digest.tobytes() for digest in images.digests[rows]]
    place = cache_path(training)
    kept = _read(place)
    wanted = {name: row for name, row in zip(names, rows.tolist(), strict=True) if name not in kept}
    began = saved = monotonic()
    model = functional(training.model.input, training.model.get_layer(HEAD).input)
    todo = [*wanted.items()]
    for start in range(0, len(todo), BATCH):
        part = todo[start : start + BATCH]
        pixels = np.zeros((BATCH, *images.shape), np.uint8)
        pixels[: len(part)] = images.read(np.array([row for _, row in part]))
        found = np.asarray(model.predict_on_batch(pixels), np.float32)[: len(part)]
        kept |= {name: values for (name, _), values in zip(part, found, strict=True)}
        if start == 0:
            first = monotonic()  # compiled by now
        elif start == 4 * BATCH:
            left = (monotonic() - first) / start * (len(todo) - start)
            print(
                f"features of {len(todo):,} photographs: about {left / 60:.1f} minutes", flush=True
            )
        if monotonic() - saved > KEPT:
            _write(place, kept)
            saved = monotonic()
    if todo:
        _write(place, kept)
    values = np.stack([kept[name] for name in names])
    ends = np.cumsum([len(split) for split in splits])[:-1]
    return Computed(np.split(values, ends), len(todo), monotonic() - began)


def cache_path(training: Training) -> Path:
    """Where the features of a network are kept, in the user's cache, named by what decides them."""
    start, data = training.start, training.data
    decides = (
        __version__,
        start.sha256 if start else training.recipe.seed,
        replace(training.network, classes=2),  # features are before the head
        training.normalization,
        training.execution.precision,
        data.settings.resize,
        data.settings.crop_ratio,
    )
    name = hashlib.blake2b(repr(decides).encode(), digest_size=16).hexdigest()
    return cache.folder() / "features" / f"{name}.npz"


def _read(path: Path) -> dict[bytes, np.ndarray]:
    """What is kept, by checksum; nothing if nothing there can be read."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            digests, values = arrays["digests"], arrays["features"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, zlib.error):
        return {}  # whatever it is that was damaged
    return {digest.tobytes(): row for digest, row in zip(digests, values, strict=True)}


def _write(path: Path, kept: dict[bytes, np.ndarray]) -> None:
    kept = _read(path) | kept  # others may have added some
    digests = np.frombuffer(b"".join(kept), np.uint64).reshape(-1, 2)
    try:
        with cache.replacing_file(path) as file:
            np.savez(file, digests=digests, features=np.stack([*kept.values()]))
    except OSError as error:
        print(f"{path} cannot be written ({error.strerror}): features are computed again.")
