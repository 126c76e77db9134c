"""Ensembles: networks whose probabilities are averaged, and the one Keras model of all."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.recursion import deep_recursion
from train.evaluation.record import SubjectRecord
from train.evaluation.subject import Subject


@dataclass(frozen=True)
class Ensemble:
    """Networks whose probabilities are averaged; to a pass over images, it is like one network."""

    members: tuple[Subject, ...]

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise InputError("an ensemble has at least two members: give more run folders.")

    @property
    def name(self) -> str:
        """For people."""
        return f"ensemble of {len(self.members)} networks"

    def columns(self, images: np.ndarray, views: Sequence[str]) -> dict[str, np.ndarray]:
        """The mean probabilities by each view; each member alone; and all without each.

        The first of the views is that of the members, too. The names are those of the views,
        `only NUMBER` and `without NUMBER`.
        """
        found = [member.columns(images, views) for member in self.members]
        first = np.stack([rows[views[0]] for rows in found])
        columns = {view: np.mean([rows[view] for rows in found], 0) for view in views}
        columns |= {f"only {number}": rows for number, rows in enumerate(first)}
        return columns | {
            f"without {number}": np.delete(first, number, 0).mean(0) for number in range(len(first))
        }

    def macs_at(self, scale: float) -> int | None:
        """The sum of the members' multiply-accumulates, if known."""
        return _sum([member.macs_at(scale) for member in self.members])

    def record(self) -> SubjectRecord:
        """What a record says of it."""
        digest = hashlib.sha256("\n".join(member.sha256 for member in self.members).encode())
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


def average_model(members: Sequence[Subject]) -> keras.Model:
    """One Keras model of stock layers that averages the probabilities of some networks.

    Raises:
        InputError: if one is not a Keras model, or they take images of different sizes.
    """
    image = keras.Input(members[0].shape, name="image")
    outputs = [_onto(image, member, f"member{number}_") for number, member in enumerate(members)]
    with deep_recursion():
        return keras.Model(
            image, keras.layers.Average(name="predictions")(outputs), name="ensemble"
        )


def _onto(image, member: Subject, prefix: str):
    """The output of a member for an image; its layers are copied and get a prefix."""
    model = member.model
    if model is None or not isinstance(model.input_shape, tuple):
        raise InputError(
            f"{member.name} is no Keras model, and cannot become a part of one: leave it out, or "
            "give --format=keras."
        )
    if model.input_shape[1:] != image.shape[1:]:
        raise InputError(
            f"{member.name} takes images {model.input_shape[1:]}, and another member "
            f"{image.shape[1:]}: average those of one size."
        )

    def rename(layer):
        settings = layer.get_config()
        return type(layer).from_config(settings | {"name": f"{prefix}{layer.name}"})

    with deep_recursion():
        model = keras.Model(model.inputs, model.outputs, name=model.name)  # of a `Sequential`, too
        copy = keras.models.clone_model(model, input_tensors=[image], clone_function=rename)
        copy.set_weights(model.get_weights())
    return copy.outputs[0]
