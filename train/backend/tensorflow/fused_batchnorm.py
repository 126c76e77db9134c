"""Batch normalization by TensorFlow's fused kernel, which makes training on a CPU far faster.

Keras normalizes in a dozen separate passes over the images and, under mixed precision, in float32.
This layer has the same variables and results and exists only while training: `fuse` puts it in
the place of the stock layers, and what is saved is built anew from stock layers.
Several devices normalize by the statistics of the whole batch, with Keras's own layer.
"""

import keras
import tensorflow as tf

from keras_resnet.utils.recursion import deep_recursion


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` of channels-last images, in one kernel.

    Images are float32, bfloat16 or float16; statistics stay float32.
    """

    def __init__(self, **config):
        super().__init__(**config)
        self.autocast = False  # scale and statistics stay float32, images come as they are

    def call(self, inputs, training=None, mask=None):
        """Normalizes, and when training updates the moving statistics as Keras does."""
        training = bool(training) and self.trainable
        empty = tf.zeros([0])
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=empty if training else self.moving_mean,
            variance=empty if training else self.moving_variance,
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            # The kernel divides by count - 1, Keras by the count.
            count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance * (count - 1) / count)
        return outputs

    def _move(self, statistic, value):
        statistic.assign(statistic * self.momentum + value * (1.0 - self.momentum))


def fuse(model: keras.Model, replicas: int = 1) -> keras.Model:
    """The same network, with the same weights, on batch normalization made for training.

    Args:
        model: A network of stock layers.
        replicas: On how many devices it trains. On several, statistics are those of the whole
            batch: by its own, each device would have others, and only the first one's be saved.
    """

    def copy(layer):
        if type(layer) is not keras.layers.BatchNormalization:
            return type(layer).from_config(layer.get_config())
        if replicas == 1:
            return FusedBatchNormalization.from_config(layer.get_config())
        return type(layer).from_config(layer.get_config() | {"synchronized": True})

    with deep_recursion():
        fused = keras.models.clone_model(model, clone_function=copy)
    fused.set_weights(model.get_weights())
    return fused
