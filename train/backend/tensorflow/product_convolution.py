"""Convolutions whose kernels learn by products of matrices, where oneDNN is slow at that.

In bfloat16 on a CPU with AMX, oneDNN computes the gradient of a kernel at a fifth of the speed of
the convolution itself if the kernel is of 1x1 pixels, or if there are many channels and few places
to put it. A product of the images, shifted, and the gradient of the outputs is the same and up to
five times as fast: docs/performance.md. Such a layer exists only while training.
"""

from math import prod

import keras
import tensorflow as tf

LEAST_CHANNELS = 32  # of kernels of 1x1 pixels: of fewer, a product is no faster
CHANNELS_PER_PLACE = 4  # of other kernels, at least


class ProductConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` of channels-last images, with another way to the same gradient."""

    def convolution_op(self, inputs, kernel):
        """Convolves; what comes in and out is as in the stock layer."""
        strides, padding = self.strides, self.padding.upper()

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

        return convolve(inputs, tf.convert_to_tensor(kernel))


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
