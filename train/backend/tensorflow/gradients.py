"""The gradient of a training step, without the step."""

import keras
import numpy as np
import tensorflow as tf


def gradients(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The gradient of the mean cross-entropy by each trainable variable, see `Backend`."""
    weights = [tf.convert_to_tensor(variable.value) for variable in model.trainable_variables]
    rest = [tf.convert_to_tensor(variable.value) for variable in model.non_trainable_variables]
    inputs = keras.tree.map_structure(lambda _: images, model.input)  # a list, if it wants one
    with tf.GradientTape() as tape:
        tape.watch(weights)
        logits, _ = model.stateless_call(weights, rest, inputs, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        loss = tf.reduce_mean(losses)
    found = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [gradient.numpy() for gradient in found]
