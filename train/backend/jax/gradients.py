"""The gradient of a training step, without the step."""

import jax
import keras
import numpy as np


def gradients(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The gradient of the mean cross-entropy by each trainable variable, see `Backend`."""
    weights = [variable.value for variable in model.trainable_variables]
    rest = [variable.value for variable in model.non_trainable_variables]
    inputs = keras.tree.map_structure(lambda _: images, model.input)  # a list, if it wants one

    def loss(weights):
        logits, _ = model.stateless_call(weights, rest, inputs, training=True)
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return keras.ops.mean(losses)

    return [np.asarray(gradient) for gradient in jax.grad(loss)(weights)]
