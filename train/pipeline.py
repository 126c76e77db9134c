"""From images in memory to batches: a pure function of (seed, epoch, index).

The n-th example of an epoch and the way it is cropped and mirrored depend on nothing else: not on
the batch size, the number of threads, or what was drawn before.
"""

import numpy as np
import tensorflow as tf

from train.recipe import Recipe

ORDER, CROP, FLIP = range(3)  # independent streams of random numbers under one seed


def crop(images, offsets, size):
    """Cuts from each padded image its own window.

    Args:
        images: `(batch, height + 2p, width + 2p, channels)`.
        offsets: `(batch, 2)` integers from 0 to 2p: top and left of the window.
        size: `(height, width)`.
    """
    rows = offsets[:, :1] + tf.range(size[0])
    columns = offsets[:, 1:] + tf.range(size[1])
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)


def flip(images, mirrored):
    """Mirrors left and right where `mirrored`, a boolean for each image, says so."""
    return tf.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def training_batches(images, labels, classes: int, mean, recipe: Recipe) -> tf.data.Dataset:
    """Shuffled and augmented batches for all epochs of a recipe, one after the other.

    Args:
        images: `(n, height, width, channels)` uint8.
        labels: `(n,)` integers.
        classes: Number of classes.
        mean: Mean colour, `(channels,)` from 0 to 255, which surrounds an image: zero once
            normalised, as in He et al. 2015, 4.2.
        recipe: Of which seed, epochs, batch size, crop and flip are read.

    Returns:
        Batches of `(images uint8, one-hot labels float32)`. The few images by which an epoch
        exceeds whole batches are left out: other ones in each epoch.
    """
    count, size, pad = len(images), images.shape[1:3], recipe.crop
    targets = tf.one_hot(labels, classes)
    with tf.device("/cpu:0"):
        frame = np.empty((count, size[0] + 2 * pad, size[1] + 2 * pad, images.shape[3]), np.uint8)
        frame[:] = np.round(mean)
        frame[:, pad : pad + size[0], pad : pad + size[1]] = images
        framed = tf.constant(frame)
        del frame

    def epoch(number):
        def draw(stream, shape, limit):
            seed = tf.stack([tf.constant(recipe.seed * 3 + stream, tf.int64), number])
            return tf.random.stateless_uniform(shape, seed, maxval=limit, dtype=tf.int32)

        order = tf.argsort(draw(ORDER, (count,), 2**31 - 1), stable=True)
        offsets = draw(CROP, (count, 2), 2 * pad + 1)
        mirrored = draw(FLIP, (count,), 2) == 1

        def batch(index):
            chosen = crop(tf.gather(framed, index), tf.gather(offsets, index), size)
            if recipe.flip:
                chosen = flip(chosen, tf.gather(mirrored, index))
            return chosen, tf.gather(targets, index)

        indices = tf.data.Dataset.from_tensor_slices(order)
        return indices.batch(recipe.batch_size, drop_remainder=True).map(batch)

    return tf.data.Dataset.range(recipe.epochs).flat_map(epoch).prefetch(2)


def plain_batches(images, labels, classes: int, batch_size: int) -> tf.data.Dataset:
    """Every image once and in order, as `(images uint8, one-hot labels float32)`."""
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)
    return batches.map(lambda x, y: (x, tf.one_hot(y, classes))).prefetch(2)
