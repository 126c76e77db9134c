"""What is evaluated: one network in one format, and whether some data are of its classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from keras_resnet import families
from keras_resnet.export.formats import BATCH
from keras_resnet.utils.errors import InputError, contrast, sentence
from keras_resnet.utils.recursion import clone, functional
from train.data.dataset import Data, Split, fixed_subset
from train.data.indexed import scaled_shape
from train.evaluation.heads import HEADS, SOFTMAX, recognize
from train.evaluation.record import SubjectRecord
from train.evaluation.views import by_view
from train.utils.quiet import quiet

Predict = Callable[[np.ndarray], np.ndarray]  # raw images to `(n, outputs)`


@dataclass(frozen=True)
class Subject:
    """One network in one format."""

    name: str
    kind: str  # "run", "file" or "network"
    path: str  # as it was given
    format: str
    sha256: str  # of the file, or of the weights
    predict: Predict
    head: str = SOFTMAX  # what the outputs are, a key of `HEADS`; see `check`
    shape: tuple[int, int, int] | None = None  # of images, if it can be told
    classes: tuple[str, ...] = ()  # their names, if it tells
    parameters: int | None = None
    macs: int | None = None
    model: keras.Model | None = None  # if it is what predicts
    run: dict[str, Any] | None = None  # the record of the run that it is of
    resized: dict[float, tuple[Predict, int | None]] = field(default_factory=dict)

    def predictor(self, scale: float) -> Predict:
        """What predicts images of so many times its size, see `views.Scalable`."""
        outputs = self.predict if scale == 1 else self._resized(scale)[0]
        return lambda images: HEADS[self.head].probabilities(outputs(images))

    def macs_at(self, scale: float) -> int | None:
        """The multiply-accumulates for an image of so many times its size, if known."""
        return self.macs if scale == 1 else self._resized(scale)[1]

    def _resized(self, scale: float) -> tuple[Predict, int | None]:
        if self.model is None:
            raise InputError(
                f"{self.name} takes images of its own size only: a view at several scales needs a "
                "Keras model, --format=keras."
            )
        if scale not in self.resized:
            model = resize_model(self.model, scale)
            macs = None if self.macs is None else families.model_macs(model)
            self.resized[scale] = predictor_of(model), macs
        return self.resized[scale]

    def columns(self, images: Split, views: Sequence[str]) -> dict[str, np.ndarray]:
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
            "head": self.head,
        }


TRIED = 32  # training images by which outputs are recognized


def check(subject: Subject, data: Data, views: Sequence[str]) -> Subject:
    """Checks that a network tells the classes of some data apart, and what its outputs are.

    Args:
        subject: The network.
        data: The data.
        views: How images are going to be looked at.

    Returns:
        The network with its `head`, as a few training images show it.

    Raises:
        InputError: if not, or if it cannot take the images.
    """
    if subject.classes and subject.classes != data.classes:
        own, those = contrast(subject.classes, data.classes, 3)
        raise InputError(
            f"{subject.name} tells {own} apart, and {data.name} has {those}: give the data of its "
            "classes with --dataset."
        )
    some = data.train.subset(fixed_subset(len(data.train), TRIED))
    images = some.read()
    try:
        with quiet():  # here every network makes its programs
            found = subject.predict(images)
            subject.columns(some.subset(np.arange(1)), views)
    except InputError:
        raise
    except Exception as error:  # whatever a runtime raises of images of a wrong shape
        raise InputError(
            f"{subject.name} cannot classify images {data.shape} of {data.name} "
            f"({sentence(error)}): give --image_size, or other data."
        ) from error
    head = recognize(found)
    if HEADS[head].probabilities(found).shape != (len(images), len(data.classes)):
        raise InputError(
            f"{subject.name} gives {found.shape[1:]} numbers for an image, and {data.name} has "
            f"{len(data.classes)} classes: give the data of its classes with --dataset."
        )
    return replace(subject, head=head)


def predictor_of(model: keras.Model) -> Predict:
    """What predicts with a Keras model, from raw images."""

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
    image = keras.Input(scaled_shape(model.input_shape[1:], scale), name="image")
    try:
        model = functional(model.inputs, model.outputs, name=model.name)  # of a `Sequential`, too
        larger = clone(model, input_tensors=[image])
        larger.set_weights(model.get_weights())
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{model.name} is not fully convolutional ({sentence(error)}): leave the view at "
            "several scales out."
        ) from error
    return larger
