"""Finds what is to be evaluated: a run, a file or a named network becomes a `Subject`."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_resnet
from keras_resnet import families
from keras_resnet.convert import open_weights
from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.export.formats import read
from keras_resnet.imagenet_utils import prepare
from keras_resnet.spec import NETWORKS as NAMED
from keras_resnet.utils import fields
from keras_resnet.utils.errors import InputError, lookup, suggestion
from keras_resnet.utils.files import sha256
from keras_resnet.weights.saved import load_model
from train.evaluation.subject import Subject, predictor_of
from train.runs.files import RECORD, WEIGHTS
from train.runs.record import intact, read_classes, read_finished
from train.runs.restore import restore

NETWORKS = {title.lower(): title for title in NAMED}


def open_subject(what: str, format: str = "keras", weights: str | None = None) -> Subject:
    """Finds what is to be evaluated.

    Args:
        what: A run folder, a `.keras` or `.tflite` file, the folder of a SavedModel, or the name
            of a network.
        format: Of a run: a key of `FORMAT_FILES`.
        weights: Of a named network.

    Raises:
        InputError: if there is no such thing, or it cannot be read.
    """
    lookup(FORMAT_FILES, format, "format")
    path = Path(fields.path("network", what))
    # `Path.exists` raises an error of a folder that may not be entered.
    if os.path.exists(path / RECORD):
        return _run(path, format)
    if os.path.exists(path):
        return _file(path)
    if what.lower() in NETWORKS:
        return _network(what.lower(), weights)
    raise InputError(
        f"no run folder or file {what!r}, and no such network{suggestion(what.lower(), NETWORKS)} "
        "Give saved_models/NAME, a .keras or .tflite file, the folder of a SavedModel, or resnet20 "
        "with --weights=cifar10, say."
    )


def _run(folder: Path, format: str) -> Subject:
    finished = restore(folder)
    network, run, is_keras = finished.network, finished.record, format == "keras"
    file = WEIGHTS if is_keras else FORMAT_FILES[format]
    predict = predictor_of(finished.model) if is_keras else read(intact(folder, run, file), format)
    return Subject(
        name=folder.resolve().name,
        kind="run",
        path=str(folder),
        format=format,
        predict=predict,
        sha256=run["files"][file],
        shape=network.input_shape,
        classes=finished.card.labels,
        parameters=families.parameters(network),
        macs=families.macs(network),
        model=finished.model if is_keras else None,
        run=run,
    )


def _file(path: Path) -> Subject:
    format, folder = _format(path), path.parent
    is_of_run = path.name in FORMAT_FILES.values() and (folder / RECORD).exists()
    run = read_finished(folder) if is_of_run else None
    if run:
        intact(folder, run, path.name)
    model = load_model(path) if format == "keras" else None
    if model is not None and len(model.outputs) != 1:
        raise InputError(
            f"{path} has {len(model.outputs)} outputs, and what is evaluated has one: save a model "
            "of one output alone."
        )
    return Subject(
        name=f"{path.resolve().parent.name}/{path.name}" if run else path.name,
        kind="file",
        path=str(path),
        format=format,
        sha256=sha256(path),
        predict=predictor_of(model)
        if model is not None
        else read(path, "float32" if format == "tflite" else format),
        model=model,
        run=run,
        **(_recorded(folder, run) if run else _inferred(path, model)),
    )


def _recorded(folder: Path, run: dict[str, Any]) -> dict[str, Any]:
    """What a run tells of its files."""
    network = families.from_json(run["network"])
    return {
        "shape": network.input_shape,
        "classes": tuple(read_classes(folder, run)),
        "parameters": families.parameters(network),
        "macs": families.macs(network),
    }


def _inferred(path: Path, model: keras.Model | None) -> dict[str, Any]:
    """What a file that is alone tells of itself."""
    if model is not None:
        trained = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
        shape = _image_shape(model.input_shape)
        return {"shape": shape, "parameters": trained, "macs": _macs(model)}
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        from keras_resnet.export.metadata import read_metadata

        (image,) = Interpreter(str(path)).get_input_details()
        labels = tuple(read_metadata(path).get("labels", ()))
        return {"shape": _image_shape(image["shape"]), "classes": labels}
    return {}


def _macs(model: keras.Model) -> int | None:
    """The multiply-accumulates of a model for an image, if these are of one size all through it."""
    try:
        return families.model_macs(model)
    except InputError:
        return None


def _image_shape(shape: Sequence[Any]) -> tuple[int, int, int] | None:
    """Height, width and channels, if they are known."""
    known = len(shape) == 4 and all(isinstance(side, int | np.integer) for side in shape[1:])
    return (int(shape[1]), int(shape[2]), int(shape[3])) if known else None


def _format(path: Path) -> str:
    """The format of a file: that which its name in a run stands for, or else its suffix."""
    if (path / "saved_model.pb").exists():
        return "saved_model"
    if path.suffix not in (".keras", ".tflite", ".onnx") or path.is_dir():
        raise InputError(
            f"{path} is neither a run folder nor a SavedModel nor a .keras, .tflite or .onnx file: "
            "give one of those."
        )
    formats = {file: format for format, file in FORMAT_FILES.items()}
    return formats.get(path.name, path.suffix.removeprefix("."))


def _network(name: str, weights: str | None) -> Subject:
    if not weights:
        raise InputError(
            f"{name} has random weights: say which it is to have, --weights=cifar10, imagenet, or "
            "a file."
        )
    title = NETWORKS[name]
    builder = getattr(keras_resnet, title)
    image = keras.Input(builder.spec.input_shape, name="image")
    opened = open_weights(weights, builder.spec)
    prepared = (
        prepare(image, opened.preprocessing)
        if opened.preprocessing
        else builder.preprocess_input(image)
    )
    model = builder(input_tensor=prepared)
    opened.load_into(model)
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).data)
    return Subject(
        name=name,
        kind="network",
        path=f"{name} --weights={weights}",
        format="keras",
        sha256=digest.hexdigest(),
        predict=predictor_of(model),
        shape=builder.spec.input_shape,
        parameters=families.parameters(builder.spec),
        macs=families.macs(builder.spec),
        model=model,
    )
