"""The weights that a training begins from: looked for before it, opened, and told."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.weights import run_folder
from train import flags
from train.runs.record import read_record
from train.settings.data import FRAMING_FIELDS
from train.settings.networks import MODELS
from train.settings.recipe import Recipe


def check_start(weights: str | None) -> None:
    """Checks that a file or folder of weights is there, before TensorFlow takes its seconds.

    Raises:
        InputError: if what looks like a path leads nowhere.
    """
    if weights and not weights.startswith("hf://"):
        is_path = os.sep in weights or Path(weights).suffix
        if is_path and not os.path.exists(weights):
            raise InputError(
                f"cannot read weights from {shorten(weights)}: there is no such file or folder."
            )


def check_apart(weights: str | None, folder: Path) -> None:
    """Checks that a training does not replace what it begins from.

    Raises:
        InputError: if it would.
    """
    if not weights or not os.path.exists(weights) or not os.path.isdir(folder):
        return
    place = Path(weights) if os.path.isdir(weights) else Path(weights).parent
    if folder.samefile(place):
        raise InputError(
            f"{folder} is where the weights are that it begins from: choose another --output_dir."
        )


def source_framing(weights: str | None) -> dict[str, Any]:
    """How the run that a training begins from sees images: fields of `DataSettings`, if it is one.

    Raises:
        InputError: if its record cannot be read.
    """
    run = run_folder.find(Path(weights)) if weights else None
    if run is None:
        return {}
    data = read_record(run).get("data", {})
    known = {name: data[name] for name in FRAMING_FIELDS if name in data}
    return known if known.get("image_size") else {}


def open_start(values: flags.Values, model: str, network: Any) -> tuple[str, Any, Any]:
    """The weights to begin from, with a name and the network: theirs, if no other was asked for.

    Raises:
        InputError: if there are none, or a flag would be without effect beside them.
    """
    from keras_resnet import open_weights
    from keras_resnet.weights.pretrained import PRETRAINED

    if values.model or values.spec or values.weights in PRETRAINED:
        weights = open_weights(values.weights, network)
    else:
        weights = open_weights(values.weights)
        model, network = _title(weights.network), weights.network
    if weights.preprocessing and "subtract_mean" in values.given(Recipe):
        raise InputError(
            f"{weights.source} tells how its images are prepared: leave --subtract_mean out."
        )
    return model, network, weights


def _title(network: Any) -> str:
    """The name of a network, without those of its values that do not decide its weights."""
    from keras_resnet.weights.signature import weight_signature

    known = {name: weight_signature(row) for name, row in MODELS.items()}
    signature = weight_signature(network)
    return next((name for name, row in known.items() if row == signature), "network")


def began_from(training: Any) -> str:
    """In words, what a training begins from."""
    from train.trainer import start as starts

    start = training.start
    record = starts.record(start, training.data)
    head = "its head" if record["head"] == "kept" else "a new head"
    images = (  # RGB, for which `load_rgb_into` turns the first convolution round
        f"images are {replace(start.preprocessing, channels='RGB')}"
        if start.preprocessing
        else "it does not tell how its images were prepared: here by their own mean and deviation"
    )
    return f"begins from {record['source']} with {head}; {images}"
