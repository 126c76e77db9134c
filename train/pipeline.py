"""From images in memory to batches: a pure function of (seed, epoch, index).

The n-th example of an epoch and the way it is cropped and mirrored depend on nothing else: not on
the batch size, the number of threads, or what was drawn before.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from train.data import statistics
from train.recipe import Recipe

ORDER, CROP, FLIP = range(3)  # independent streams of random numbers under one seed
PARTNER, SHARE = 2**40, 2**41  # more of them


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


Look = Callable[[tf.Tensor], tf.Tensor]  # from indices to images


def mixture(recipe: Recipe, count: int, number):
    """What is mixed into each of so many images in an epoch.

    Args:
        recipe: Of which seed and mixup are read.
        count: Of images.
        number: Of the epoch, or of the view: a scalar int64 tensor.

    Returns:
        `(count,)` int32 indices of other images, and `(count,)` float32: their shares, evenly from
        0 to the recipe's.
    """
    steps = 2**20
    share = draw(recipe.seed, SHARE, number, (count,), steps)
    share = tf.cast(share, tf.float32) * (recipe.mixup / steps)
    return draw(recipe.seed, PARTNER, number, (count,), count), share


def blend(values, others, share):
    """The mean of two batches of anything, weighted by `(batch,)` shares of the others."""
    share = tf.reshape(share, [-1] + [1] * (len(values.shape) - 1))
    return (1 - share) * tf.cast(values, tf.float32) + share * tf.cast(others, tf.float32)


def augmentation(images, recipe: Recipe) -> Callable[[tf.Tensor], Look]:
    """How images look in an epoch: each cropped and mirrored in its own way.

    Args:
        images: `(n, height, width, channels)` uint8. Their mean colour surrounds each one: zero
            once normalised, as in He et al. 2015, 4.2.
        recipe: Of which seed, crop, flip, mixup and views are read.

    Returns:
        A function of an epoch's number, int64, to a function of the indices of images to
        `(batch, height, width, channels)` uint8.
    """
    count, size, pad = len(images), images.shape[1:3], recipe.crop
    frame = size[0] + 2 * pad, size[1] + 2 * pad
    with tf.device("/cpu:0"):
        framed = np.empty((count, *frame, images.shape[3]), np.uint8)
        framed[:] = np.round(statistics(images)[0])
        framed[:, pad : pad + size[0], pad : pad + size[1]] = images
        # One gather of single pixels is seven times as fast as cropping, then mirroring.
        pixels = tf.constant(framed.reshape(-1, images.shape[3]))
        del framed

    def in_epoch(number):
        number = _view(recipe, number)
        offsets = draw(recipe.seed, CROP, number, (count, 2), 2 * pad + 1)
        # Alternating: drawn once, for all epochs. Every image is seen in both ways, and equally
        # often, which saves epochs (https://arxiv.org/abs/2404.00498).
        once = draw(recipe.seed, FLIP, tf.constant(0, tf.int64), (count,), 2)
        flips = {
            "none": tf.zeros(count, tf.int32),
            "random": draw(recipe.seed, FLIP, number, (count,), 2),
            "alternating": (once + tf.cast(number, tf.int32)) % 2,
        }
        mirrored = flips[recipe.flip] == 1

        def alone(index):
            chosen = tf.gather(offsets, index), tf.gather(mirrored, index)
            return tf.gather(pixels, windows(index, *chosen, frame, size))

        if not recipe.mixup:
            return alone
        partners, shares = mixture(recipe, count, number)

        def mixed(index):
            others = alone(tf.gather(partners, index))
            values = blend(alone(index), others, tf.gather(shares, index))
            return tf.cast(tf.round(values), tf.uint8)

        return mixed

    return in_epoch


def _view(recipe: Recipe, number):
    """As which epoch images look: views come again in turn."""
    return number % recipe.views if recipe.views else number


def draw(seed: int, stream: int, number, shape, limit: int):
    """Random int32 numbers from 0 to below a limit: a stream of an epoch under a seed."""
    where = tf.stack([tf.constant(seed * 3 + stream, tf.int64), number])
    return tf.random.stateless_uniform(shape, where, maxval=limit, dtype=tf.int32)


def training_batches(
    images, targets, recipe: Recipe, epoch: int = 0, step: int = 0
) -> tf.data.Dataset:
    """Shuffled and augmented batches, one epoch after the other, from any step on.

    Args:
        images: `(n, height, width, channels)` uint8.
        targets: `(views, n, classes)` probabilities: what is to be said of an image in each view;
            one view holds for all.
        recipe: Of which all that is about images is read; teachers have seen them mixed, so their
            words are not mixed again.
        epoch: The first one, from 0.
        step: The first one of that epoch, from 0.

    Returns:
        Batches of `(images uint8, targets float32)`. The few images by which an epoch exceeds
        whole batches are left out: other ones in each epoch.
    """
    in_epoch = augmentation(images, recipe)
    with tf.device("/cpu:0"):
        # oneDNN complains of float16 on CPUs without AVX-512.
        targets = tf.constant(targets, tf.float32)

    def one_epoch(number):
        order = tf.argsort(draw(recipe.seed, ORDER, number, (len(images),), 2**31 - 1), stable=True)
        look, wanted = in_epoch(number), targets[number % targets.shape[0]]

        if recipe.mixup and not recipe.teacher:
            partners, shares = mixture(recipe, len(images), _view(recipe, number))
            wanted = blend(wanted, tf.gather(wanted, partners), shares)

        def batch(index):
            return look(index), tf.gather(wanted, index)

        first = tf.where(number == epoch, step * recipe.batch_size, 0)
        indices = tf.data.Dataset.from_tensor_slices(order[first:])
        return indices.batch(recipe.batch_size, drop_remainder=True).map(batch)

    return tf.data.Dataset.range(epoch, recipe.epochs).flat_map(one_epoch).prefetch(2)


def view_batches(images, recipe: Recipe, view: int) -> tf.data.Dataset:
    """Every image once and in order, as it looks in one view; without targets."""
    look = augmentation(images, recipe)(tf.constant(view, tf.int64))
    return tf.data.Dataset.range(len(images)).batch(recipe.batch_size).map(look).prefetch(2)


def one_hot(labels, classes: int) -> np.ndarray:
    """Labels as targets of one view: `(1, n, classes)` float32."""
    return np.eye(classes, dtype=np.float32)[labels][None]


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
