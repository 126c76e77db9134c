"""A network on layers that are fast in training; what is saved is built anew from stock layers."""

from typing import Any

import keras

from keras_resnet.export.fold import followers
from keras_resnet.utils.recursion import clone
from train.backend.tensorflow.fused_batchnorm import FusedBatchNormalization
from train.backend.tensorflow.training_convolution import TrainingConv2D, pays


def on_fast_layers(model: keras.Model, replicas: int = 1, device: str = "CPU") -> keras.Model:
    """The same network, with the same weights, on layers made for training.

    Args:
        model: A network of stock layers.
        replicas: On how many devices it trains. On several, statistics are those of the whole
            batch: by its own, each device would have others, and only the first one's be saved.
        device: `CPU` or `GPU`.
    """
    after = followers(model)

    def copy(layer):
        kind: Any = type(layer)
        config = layer.get_config()
        if kind is keras.layers.BatchNormalization and replicas == 1:
            kind = FusedBatchNormalization
        elif kind is keras.layers.BatchNormalization:
            config |= {"synchronized": True}
        elif kind is keras.layers.Conv2D and device == "CPU":
            kind = TrainingConv2D
        return kind.from_config(config)

    fast = clone(model, clone_function=copy)
    fast.set_weights(model.get_weights())
    by_name = {layer.name: layer for layer in fast.layers}  # operations are none, as a product
    for layer in fast.layers:
        if isinstance(layer, TrainingConv2D):
            layer.by_products = pays(layer)
            follower = by_name.get(after[layer.name].name) if layer.name in after else None
            _absorb(layer, follower)
    return fast


def _absorb(layer: TrainingConv2D, follower: keras.Layer | None) -> None:
    linear = layer.activation is keras.activations.linear
    if linear and isinstance(follower, FusedBatchNormalization):
        layer.normalization = lambda: follower
        follower.absorbed = True
