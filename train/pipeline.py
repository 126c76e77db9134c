"""From images in memory to batches: a pure function of (seed, epoch, index).

The n-th example of an epoch and the way it is cropped and mirrored depend on nothing else: not on
the batch size, the number of threads, or what was drawn before.
"""

import numpy as np
import tensorflow as tf

from train.recipe import Recipe

ORDER, CROP, FLIP = range(3)  # independent streams of random numbers under one seed


def windows(index, offsets, mirrored, frame, size):
    """Where the pixels of cropped and mirrored images are in a flat list of framed images.

    Args:
        index: `(batch,)` integers: which images.
        offsets: `(batch, 2)` integers: top and left of each one's window in its frame.
        mirrored: `(batch,)` booleans: whether to read it from right to left.
        frame: `(height, width)` of the framed images.
        size: `(height, width)` of the windows.

    Returns:
        `(batch, *size)` int64.
    """
    offsets = tf.cast(offsets, tf.int64)
    rows, columns = (tf.range(side, dtype=tf.int64) for side in size)
    columns = tf.where(mirrored[:, None], columns[::-1], columns) + offsets[:, 1:]
    rows = tf.cast(index, tf.int64)[:, None] * frame[0] + offsets[:, :1] + rows
    return rows[:, :, None] * frame[1] + columns[:, None, :]


def training_batches(
    images, labels, classes: int, mean, recipe: Recipe, epoch: int = 0, step: int = 0
) -> tf.data.Dataset:
    """Shuffled and augmented batches, one epoch after the other, from any step on.

    Args:
        images: `(n, height, width, channels)` uint8.
        labels: `(n,)` integers.
        classes: Number of classes.
        mean: Mean colour, `(channels,)` from 0 to 255, which surrounds an image: zero once
            normalised, as in He et al. 2015, 4.2.
        recipe: Of which seed, epochs, batch size, crop and flip are read.
        epoch: The first one, from 0.
        step: The first one of that epoch, from 0.

    Returns:
        Batches of `(images uint8, one-hot labels float32)`. The few images by which an epoch
        exceeds whole batches are left out: other ones in each epoch.
    """
    count, size, pad = len(images), images.shape[1:3], recipe.crop
    frame = size[0] + 2 * pad, size[1] + 2 * pad
    targets = tf.one_hot(labels, classes)
    with tf.device("/cpu:0"):
        framed = np.empty((count, *frame, images.shape[3]), np.uint8)
        framed[:] = np.round(mean)
        framed[:, pad : pad + size[0], pad : pad + size[1]] = images
        # One gather of single pixels is seven times as fast as cropping, then mirroring.
        pixels = tf.constant(framed.reshape(-1, images.shape[3]))
        del framed

    def one_epoch(number):
        def draw(stream, shape, limit, number=number):
            seed = tf.stack([tf.constant(recipe.seed * 3 + stream, tf.int64), number])
            return tf.random.stateless_uniform(shape, seed, maxval=limit, dtype=tf.int32)

        order = tf.argsort(draw(ORDER, (count,), 2**31 - 1), stable=True)
        offsets = draw(CROP, (count, 2), 2 * pad + 1)
        # Alternating: drawn once, for all epochs. Every image is seen in both ways, and equally
        # often, which saves epochs (https://arxiv.org/abs/2404.00498).
        once = draw(FLIP, (count,), 2, tf.constant(0, tf.int64)) + tf.cast(number, tf.int32)
        flips = {
            "none": tf.zeros(count, tf.int32),
            "random": draw(FLIP, (count,), 2),
            "alternating": once % 2,
        }
        mirrored = flips[recipe.flip] == 1

        def batch(index):
            chosen = tf.gather(offsets, index), tf.gather(mirrored, index)
            where = windows(index, *chosen, frame, size)
            return tf.gather(pixels, where), tf.gather(targets, index)

        first = tf.where(number == epoch, step * recipe.batch_size, 0)
        indices = tf.data.Dataset.from_tensor_slices(order[first:])
        return indices.batch(recipe.batch_size, drop_remainder=True).map(batch)

    return tf.data.Dataset.range(epoch, recipe.epochs).flat_map(one_epoch).prefetch(2)


def plain_batches(images, labels, classes: int, batch_size: int) -> tf.data.Dataset:
    """Every image once and in order, in batches of one size, whatever the number of images.

    Returns:
        Batches of `(images uint8, one-hot labels float32, weights float32)`. The last one is filled
        up with images of weight 0; the others' weights make up for it in a mean over all batches.
    """
    count = len(images)
    padded = -(-count // batch_size) * batch_size
    batches = tf.data.Dataset.range(padded).batch(batch_size)
    with tf.device("/cpu:0"):
        images, targets = tf.constant(images), tf.one_hot(labels, classes)

    def batch(index):
        weights = tf.where(index < count, padded / count, 0.0)
        index = tf.minimum(index, count - 1)
        return tf.gather(images, index), tf.gather(targets, index), tf.cast(weights, tf.float32)

    return batches.map(batch).prefetch(2)
