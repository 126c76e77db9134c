"""What is evaluated: a run, a file, a named network, or an ensemble of those."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_resnet
from keras_resnet import families
from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.export.formats import BATCH, read
from keras_resnet.export.metadata import read_metadata
from keras_resnet.spec import NETWORKS as NAMED
from keras_resnet.utils.errors import InputError, lookup, sentence, suggestion
from keras_resnet.utils.files import sha256
from keras_resnet.utils.recursion import deep_recursion
from keras_resnet.weights.saved import load_model
from train.data.dataset import Data
from train.evaluation.record import SubjectRecord
from train.evaluation.views import by_view, scaled_size
from train.runs.files import RECORD, WEIGHTS
from train.runs.record import intact, read_classes, read_finished
from train.runs.restore import restore
from train.utils.quiet import quiet

Predict = Callable[[np.ndarray], np.ndarray]  # raw images to `(n, classes)` probabilities


@dataclass(frozen=True)
class Subject:
    """One network in one format."""

    name: str
    kind: str  # "run", "file" or "network"
    path: str  # as it was given
    format: str
    sha256: str  # of the file, or of the weights
    predict: Predict
    shape: tuple[int, int, int] | None = None  # of images, if it can be told
    classes: tuple[str, ...] = ()  # their names, if it tells
    parameters: int | None = None
    macs: int | None = None
    model: keras.Model | None = None  # if it is what predicts
    run: dict[str, Any] | None = None  # the record of the run that it is of
    resized: dict[float, tuple[Predict, int]] = field(default_factory=dict)

    def predictor(self, scale: float) -> Predict:
        """What predicts images of so many times its size, see `views.Scalable`."""
        return self.predict if scale == 1 else self._resized(scale)[0]

    def macs_at(self, scale: float) -> int | None:
        """The multiply-accumulates for an image of so many times its size, if known."""
        return self.macs if scale == 1 else self._resized(scale)[1]

    def _resized(self, scale: float) -> tuple[Predict, int]:
        if self.model is None:
            raise InputError(
                f"{self.name} takes images of its own size only: a view at several scales needs a "
                "Keras model, --format=keras."
            )
        if scale not in self.resized:
            model = resize_model(self.model, scale)
            self.resized[scale] = _of_model(model), families.model_macs(model)
        return self.resized[scale]

    def columns(self, images: np.ndarray, views: Sequence[str]) -> dict[str, np.ndarray]:
        """The probabilities by each view."""
        return by_view(self, images, views)

    @property
    def members(self) -> tuple["Subject", ...]:
        """The networks that predict."""
        return (self,)

    def record(self) -> SubjectRecord:
        """What a record says of it."""
        return {
            "name": self.name,
            "kind": self.kind,  # type: ignore[typeddict-item]
            "path": self.path,
            "format": self.format,
            "parameters": self.parameters,
            "macs": self.macs,
            "sha256": self.sha256,
        }


def check(subject: Subject, data: Data, views: Sequence[str]) -> None:
    """Checks that a network tells the classes of some data apart, by looking at one image.

    Args:
        subject: The network.
        data: The data.
        views: How images are going to be looked at.

    Raises:
        InputError: if not, or if it cannot take the images.
    """
    if subject.classes and subject.classes != data.classes:
        raise InputError(
            f"{subject.name} tells {_some(subject.classes)} apart, and {data.name} has "
            f"{_some(data.classes)}: give the data of its classes with --dataset."
        )
    image = data.test.read(np.arange(1))
    try:
        with quiet():  # here every network makes its programs
            found = subject.predict(image)
            subject.columns(image, views)
    except InputError:
        raise
    except Exception as error:  # whatever a runtime raises of images of a wrong shape
        raise InputError(
            f"{subject.name} cannot classify images {data.shape} of {data.name} "
            f"({sentence(error)}): give --image_size, or other data."
        ) from error
    if found.shape != (1, len(data.classes)):
        raise InputError(
            f"{subject.name} gives {found.shape[1:]} numbers for an image, and {data.name} has "
            f"{len(data.classes)} classes: give the data of its classes with --dataset."
        )
    if not abs(float(found.sum()) - 1) < 0.05:  # quantized probabilities add up to 1 about
        raise InputError(
            f"the outputs of {subject.name} add up to {float(found.sum()):.4g}, so they are no "
            "probabilities: give a model that ends with softmax."
        )


def _some(classes: Sequence[str]) -> str:
    return ", ".join(classes[:3]) + (f"... ({len(classes)})" if len(classes) > 3 else "")


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
    path = Path(what)
    if (path / RECORD).exists():
        return _run(path, format)
    if path.exists():
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
    network = finished.network
    run, is_keras = read_finished(folder), format == "keras"
    file = intact(folder, run, WEIGHTS if is_keras else FORMAT_FILES[format])
    return Subject(
        name=folder.resolve().name,
        kind="run",
        path=str(folder),
        format=format,
        predict=_of_model(finished.model) if is_keras else read(file, format),
        sha256=sha256(file),
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
    return Subject(
        name=f"{path.resolve().parent.name}/{path.name}" if run else path.name,
        kind="file",
        path=str(path),
        format=format,
        sha256=sha256(path),
        predict=_of_model(model)
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
        "classes": tuple(read_classes(folder)),
        "parameters": families.parameters(network),
        "macs": families.macs(network),
    }


def _inferred(path: Path, model: keras.Model | None) -> dict[str, Any]:
    """What a file that is alone tells of itself."""
    if model is not None:
        trained = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
        costs = {"parameters": trained, "macs": families.model_macs(model)}
        return {"shape": _image_shape(model.input_shape), **costs}
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        (image,) = Interpreter(str(path)).get_input_details()
        labels = tuple(read_metadata(path).get("labels", ()))
        return {"shape": _image_shape(image["shape"]), "classes": labels}
    return {}


def _image_shape(shape: Sequence[Any]) -> tuple[int, int, int] | None:
    """Height, width and channels, if they are known."""
    known = len(shape) == 4 and all(isinstance(side, int | np.integer) for side in shape[1:])
    return (int(shape[1]), int(shape[2]), int(shape[3])) if known else None


def _format(path: Path) -> str:
    """The format of a file: that which its name in a run stands for, or else its suffix."""
    if (path / "saved_model.pb").exists():
        return "saved_model"
    if path.suffix not in (".keras", ".tflite") or path.is_dir():
        raise InputError(
            f"{path} is neither a run folder nor a SavedModel nor a .keras or .tflite file: give "
            "one of those."
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
    model = builder(weights=weights, input_tensor=builder.preprocess_input(image))
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).data)
    return Subject(
        name=name,
        kind="network",
        path=f"{name} --weights={weights}",
        format="keras",
        sha256=digest.hexdigest(),
        predict=_of_model(model),
        shape=builder.spec.input_shape,
        parameters=families.parameters(builder.spec),
        macs=families.macs(builder.spec),
        model=model,
    )


NETWORKS = {title.lower(): title for title in NAMED}


def _of_model(model: keras.Model) -> Predict:
    def predict(images: np.ndarray) -> np.ndarray:
        rows = np.arange(-(-len(images) // BATCH) * BATCH)  # whole batches need one program only
        filled = images[np.minimum(rows, len(images) - 1)]
        return model.predict(filled, batch_size=BATCH, verbose=0)[: len(images)]

    return predict


def resize_model(model: keras.Model, scale: float) -> keras.Model:
    """The same network with the same weights for images of so many times its size.

    Raises:
        InputError: if it is not fully convolutional.
    """
    _, *size, channels = model.input_shape
    image = keras.Input((*scaled_size(size, scale), channels), name="image")
    try:
        with deep_recursion():
            model = keras.Model(model.inputs, model.outputs, name=model.name)  # of a `Sequential`
            larger = keras.models.clone_model(model, input_tensors=[image])
            larger.set_weights(model.get_weights())
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{model.name} is not fully convolutional ({sentence(error)}): leave the view at "
            "several scales out."
        ) from error
    return larger
