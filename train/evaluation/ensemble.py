"""Ensembles: networks whose probabilities are averaged, and the one Keras model of all.

The members count alike, or as is best for held-out training images: a mixture of given
distributions, whose weights of the highest likelihood are found by expectation maximization.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import keras
import numpy as np

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.recursion import clone, functional
from train.data.dataset import Split
from train.evaluation.heads import SOFTMAX
from train.evaluation.predictions import probabilities
from train.evaluation.record import SubjectRecord
from train.evaluation.subject import Subject
from train.utils.probabilities import SMALLEST

ROUNDS = 1000  # of expectation maximization
LEAST = 1e-6  # weight of a member


@dataclass(frozen=True)
class Ensemble:
    """Networks whose probabilities are averaged; to a pass over images, it is like one network."""

    members: tuple[Subject, ...]
    weights: tuple[float, ...] = ()  # that add up to 1; empty if all are equal

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise InputError("an ensemble has at least two members: give more run folders.")
        if not self.weights:
            count = len(self.members)
            object.__setattr__(self, "weights", (1 / count,) * count)

    def fitted(self, images: Split, view: str) -> "Ensemble":
        """The same networks with the weights that are best for some images, by a view."""
        found = [
            probabilities(partial(member.columns, views=[view]), images) for member in self.members
        ]
        return replace(self, weights=fit_weights(np.stack(found), images.labels))

    @property
    def name(self) -> str:
        """For people."""
        return f"ensemble of {len(self.members)} networks"

    def columns(self, images: Split, views: Sequence[str]) -> dict[str, np.ndarray]:
        """The averaged probabilities by each view; each member alone; and all without each.

        The first of the views is that of the members, too. The names are those of the views,
        `only NUMBER` and `without NUMBER`.
        """
        found = [member.columns(images, views) for member in self.members]
        first = np.stack([rows[views[0]] for rows in found])
        weights, numbers = np.array(self.weights), np.arange(len(found))
        columns = {view: np.average([rows[view] for rows in found], 0, weights) for view in views}
        columns |= {f"only {number}": rows for number, rows in enumerate(first)}
        return columns | {
            f"without {number}": np.average(first[numbers != number], 0, weights[numbers != number])
            for number in numbers
        }

    def macs_at(self, scale: float) -> int | None:
        """The sum of the members' multiply-accumulates, if known."""
        return _sum([member.macs_at(scale) for member in self.members])

    def record(self) -> SubjectRecord:
        """What a record says of it."""
        parts = [member.sha256 for member in self.members] + [
            str(weight) for weight in self.weights
        ]
        digest = hashlib.sha256("\n".join(parts).encode())
        return {
            "name": self.name,
            "kind": "ensemble",
            "path": ",".join(member.path for member in self.members),
            "format": ",".join(dict.fromkeys(member.format for member in self.members)),
            "parameters": _sum([member.parameters for member in self.members]),
            "macs": self.macs_at(1),
            "sha256": digest.hexdigest(),
        }


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def fit_weights(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, ...]:
    """The weights of the average that has the least cross-entropy.

    Args:
        probabilities: `(members, n, classes)`.
        labels: `(n,)`.
    """
    right = np.maximum(probabilities[:, np.arange(len(labels)), labels], SMALLEST)
    weights = np.full((len(right), 1), 1 / len(right))
    for _ in range(ROUNDS):  # each brings it down, and there is one minimum
        shares = weights * right
        weights = (shares / shares.sum(0)).mean(1, keepdims=True)
    weights = np.maximum(weights[:, 0], LEAST)
    return tuple(float(weight) for weight in weights / weights.sum())


def average_model(ensemble: Ensemble) -> keras.Model:
    """One Keras model of stock layers that averages the probabilities of some networks.

    Raises:
        InputError: if one is not a Keras model, or they take images of different sizes.
    """
    models = [_keras_model(member) for member in ensemble.members]
    image = keras.Input(models[0].input_shape[1:], name="image")
    rows = enumerate(zip(ensemble.members, models, ensemble.weights, strict=True))
    outputs = [
        keras.layers.Rescaling(weight, name=f"weight{number}")(
            _onto(image, model, member.name, f"member{number}_")
        )
        for number, (member, model, weight) in rows
    ]
    return functional(image, keras.layers.Add(name="predictions")(outputs), name="ensemble")


def _keras_model(member: Subject) -> keras.Model:
    """The model of a member that can become a part of another."""
    model = member.model
    if model is None or not isinstance(model.input_shape, tuple):
        raise InputError(
            f"{member.name} is no Keras model, and cannot become a part of one: leave it out, or "
            "give --format=keras."
        )
    if member.head != SOFTMAX:
        raise InputError(
            f"the outputs of {member.name} are no probabilities of exclusive classes: end it with "
            "softmax to save it in an ensemble."
        )
    return model


def _onto(image, model: keras.Model, name: str, prefix: str):
    """The output of a member for an image; its layers are copied and get a prefix."""
    if model.input_shape[1:] != image.shape[1:]:
        raise InputError(
            f"{name} takes images {model.input_shape[1:]}, and another member "
            f"{image.shape[1:]}: average those of one size."
        )

    def rename(layer):
        settings = layer.get_config()
        return type(layer).from_config(settings | {"name": f"{prefix}{layer.name}"})

    model = functional(model.inputs, model.outputs, name=model.name)  # of a `Sequential`, too
    copy = clone(model, input_tensors=[image], clone_function=rename)
    copy.set_weights(model.get_weights())
    return copy.outputs[0]
