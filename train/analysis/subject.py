"""What is analysed: the network of a finished run, and a sample of its images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_resnet.families import NetworkConfig
from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from train.data.dataset import Split, fixed_subset
from train.runs.restore import FinishedRun, restore
from train.settings.networks import MODELS
from train.trainer.model import network_model


class NotApplicable(InputError):
    """An analysis means nothing for a network."""


class Sample(NamedTuple):
    """Some images of a split."""

    images: np.ndarray  # (n, height, width, channels) float32, 0 to 255
    labels: np.ndarray  # (n,) int


class Subject(NamedTuple):
    """A trained network."""

    name: str
    folder: Path
    run: dict[str, Any]  # its record
    network: NetworkConfig
    model: keras.Model  # of raw images, 0 to 255, to logits

    @property
    def plain(self) -> bool:
        """Whether it has no shortcuts, as far as one can tell."""
        return isinstance(self.network, Spec) and self.network.shortcut == "none"


def open_subjects(folders: Sequence[Path]) -> list[Subject]:
    """Restores finished runs, which must be of the same data.

    Raises:
        InputError: if a folder is not of a finished run, is named twice, or if data differ.
    """
    twice = [folder for folder, count in Counter(folders).items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]} is named twice: name each run once.")
    runs = [restore(folder) for folder in folders]
    records = [run.record for run in runs]
    for folder, record in zip(folders, records, strict=True):
        if record["data"] != records[0]["data"]:
            raise InputError(
                f"{folder} was trained on {record['data']['name']} and {folders[0]} on "
                f"{records[0]['data']['name']}, or on other images of it: analyse them apart."
            )
    titles = _titles(folders, records)
    return [_open(*row) for row in zip(titles, folders, runs, strict=True)]


def _titles(folders: Sequence[Path], records: Sequence[dict[str, Any]]) -> list[str]:
    """The names of the networks where these tell runs apart, or else of the folders."""
    names = [folder.absolute().name for folder in folders]
    models = [
        record["model"] if record["model"] in MODELS else name
        for record, name in zip(records, names, strict=True)
    ]
    tries = (models, names, [str(folder) for folder in folders])
    return next(tried for tried in tries if len({*tried}) == len(tried))


def _open(name: str, folder: Path, run: FinishedRun) -> Subject:
    model = network_model(run.network, run.normalization, None)
    model.set_weights(run.model.get_weights())
    return Subject(name, folder, run.record, run.network, model)


def sample(split: Split, count: int) -> Sample:
    """Images at random, but always the same: at most `count`, in order."""
    index = fixed_subset(len(split), count)
    return Sample(split.read(index).astype(np.float32), split.labels[index])
