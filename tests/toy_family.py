"""A family of networks that are no residual networks, as a later one would be: one convolution."""

from dataclasses import dataclass

import keras

from keras_resnet.families import FAMILIES, Family
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import Settings, option


@dataclass(frozen=True)
class Toy(Settings):
    """A network of one convolution."""

    filters: int = option(4, "filters", low=1)
    input_shape: tuple[int, int, int] = option((8, 8, 3), "image", low=1, high=1000)
    classes: int = option(10, "classes", low=1, high=1000)
    any_size = True
    preprocessing = "torch"

    def check_size(self, *sides):
        if any(side is not None and side < 3 for side in sides):
            raise InputError("Input size must be at least 3x3.")


def build(config, input_tensor=None, input_shape=None, classifier_activation="softmax"):
    image = keras.Input(input_shape or config.input_shape) if input_tensor is None else input_tensor
    x = keras.layers.Conv2D(config.filters, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)
    head = keras.layers.Dense(config.classes, classifier_activation, name="predictions")
    inputs = image if input_tensor is None else keras.utils.get_source_inputs(input_tensor)
    return keras.Model(inputs, head(x))


def two(config):
    """A cost that is easy to tell."""
    return 2


def register(monkeypatch):
    """Makes it a family for the time of a test."""
    monkeypatch.setitem(FAMILIES, "toy", Family("tests.toy_family:Toy", "tests.toy_family:build"))
