"""Convolutions that are fast in training on a CPU, with the outputs and gradients of Keras's own.

- In bfloat16, oneDNN computes the gradient of a kernel at a fifth of the speed of the convolution
  itself if the kernel is of 1x1 pixels, or if there are many channels and few places to put it. A
  product of the images, shifted, and the gradient of the outputs is the same and up to five times
  as fast: docs/performance.md.
- A batch normalization that comes next and uses no statistics of the batch, because it is frozen or
  nothing is trained, only scales and shifts: the kernel and the bias do that.

Such a layer exists only while training.
"""

from collections.abc import Callable
from math import prod

import keras
import tensorflow as tf

from train.backend.tensorflow.fused_batchnorm import FusedBatchNormalization

LEAST_CHANNELS = 32  # of kernels of 1x1 pixels: of fewer, a product is no faster
CHANNELS_PER_PLACE = 4  # of other kernels, at least


class TrainingConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` of channels-last images.

    Attributes:
        by_products: Whether gradients of kernel and bias are products of matrices.
        normalization: Gives the batch normalization that alone takes the outputs, or `None`. It is
            a function, as Keras would count the variables of a layer twice.
    """

    def __init__(self, **config):
        super().__init__(**config)
        self.by_products = False
        self.normalization: Callable[[], FusedBatchNormalization | None] = lambda: None

    def add_weight(self, *arguments, **settings):
        """A variable that is read in float32: kernels are scaled before they are rounded."""
        return super().add_weight(*arguments, **settings | {"autocast": False})

    def call(self, inputs, training=None):
        """Convolves, and normalizes if that is a scale and a shift."""
        kernel = tf.convert_to_tensor(self.kernel)
        bias = tf.convert_to_tensor(self.bias) if self.use_bias else None
        follower = self.normalization()
        if follower and follower.is_fixed(training):
            factor, term = follower.affine()
            kernel, bias = kernel * factor, term if bias is None else bias * factor + term
        kernel = tf.cast(kernel, inputs.dtype)
        if self.by_products:
            outputs = _convolve(inputs, kernel, self.strides, self.padding.upper())
        else:
            outputs = self.convolution_op(inputs, kernel)
        if bias is not None:
            add = _add_bias if self.by_products else tf.nn.bias_add
            outputs = add(outputs, tf.cast(bias, inputs.dtype))
        return self.activation(outputs)


def _convolve(images, kernel, strides, padding):
    @tf.custom_gradient
    def convolve(images, kernel):
        def gradients(upstream):
            by_images = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(images),
                filter=kernel,
                out_backprop=upstream,
                strides=[1, *strides, 1],
                padding=padding,
            )
            return by_images, _by_kernel(images, upstream, kernel.shape, strides, padding)

        return tf.nn.conv2d(images, kernel, strides, padding), gradients

    return convolve(images, kernel)


@tf.custom_gradient
def _add_bias(images, bias):
    def gradients(upstream):
        flat = tf.reshape(upstream, (-1, bias.shape[0]))
        ones = tf.ones((1, tf.shape(flat)[0]), flat.dtype)  # two to three times as fast as a sum
        return upstream, tf.matmul(ones, flat)[0]

    return tf.nn.bias_add(images, bias), gradients


def pays(layer: keras.layers.Conv2D) -> bool:
    """Whether products are faster for a built layer: a rule found by measuring."""
    height, width, *channels = layer.kernel.shape
    places = layer.output.shape[1:3]
    if layer.compute_dtype != "bfloat16" or layer.data_format != "channels_last":
        return False
    if layer.groups != 1 or layer.dilation_rate != (1, 1):
        return False
    if (height, width) == (1, 1):
        return min(channels) >= LEAST_CHANNELS
    return None not in places and CHANNELS_PER_PLACE * prod(places) <= min(channels)


def _by_kernel(images, upstream, shape, strides, padding):
    # The gradient of a kernel: of each of its pixels, a product over all places of all images.
    height, width, channels, filters = shape
    places = tf.shape(upstream)[1:3]
    covered = places * strides
    missing = tf.maximum(covered - strides + (height, width) - tf.shape(images)[1:3], 0)
    before = missing // 2 if padding == "SAME" else tf.zeros_like(missing)
    reached = covered + tf.constant((height - 1, width - 1))
    after = tf.maximum(reached - tf.shape(images)[1:3] - before, 0)
    room = tf.stack([before, after], axis=1)
    images = tf.pad(images, tf.concat([[[0, 0]], room, [[0, 0]]], axis=0))
    upstream = tf.reshape(upstream, (-1, filters))
    pixels = []
    for y in range(height):
        for x in range(width):
            seen = images[:, y : y + covered[0], x : x + covered[1]]
            if strides != (1, 1):  # a slice with a step would take longer than the product
                rows = (-1, places[0], strides[0], places[1], strides[1] * channels)
                seen = tf.reshape(seen, rows)[:, :, 0, :, :channels]
            seen = tf.reshape(seen, (-1, channels))
            pixels.append(tf.matmul(seen, upstream, transpose_a=True))
    return tf.reshape(tf.stack(pixels), shape)
