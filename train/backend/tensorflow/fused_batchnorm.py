"""Batch normalization by TensorFlow's fused kernel, which makes training on a CPU far faster.

Keras normalizes in a dozen separate passes over the images and, under mixed precision, in float32.
This layer has the same variables and results and exists only while training.
"""

import keras
import tensorflow as tf


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` of channels-last images, in one kernel.

    Images are float32, bfloat16 or float16; statistics stay float32.

    Attributes:
        absorbed: Whether the convolution before it scales and shifts, see `training_convolution`.
    """

    def __init__(self, **config):
        super().__init__(**config)
        self.autocast = False  # scale and statistics stay float32, images come as they are
        self.absorbed = False

    def call(self, inputs, training=None, mask=None):
        """Normalizes, and when training updates the moving statistics as Keras does."""
        training = not self.is_fixed(training)
        if self.absorbed and not training:
            return inputs
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

    def is_fixed(self, training) -> bool:
        """Whether it normalizes by the moving statistics, and so only scales and shifts."""
        return not (training and self.trainable)

    def affine(self):
        """The factor and the term of each channel, if it is fixed: `(channels,)` float32 each."""
        factor = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return factor, self.beta - self.moving_mean * factor

    def _move(self, statistic, value):
        statistic.assign(statistic * self.momentum + value * (1.0 - self.momentum))
