"""Batches as `tf.data` pipelines: what `train.data.draws` draws, applied to images.

Of images in memory, crop and flip are one gather of pixels within TensorFlow, where a recipe asks
for no more; all else is done in NumPy, next to the training step. Both give the same pixels.

A batch has a static size: on CPUs, TensorFlow joins an addition to the convolution before it only
if it knows that shapes are equal, without which fine-tuning ResNet-50 takes a quarter longer.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf

from train.data.augment import augmenter, in_holes, in_plan_only, padded
from train.data.dataset import Split
from train.data.draws import EpochPlan, epoch_plan, pool_index
from train.data.statistics import balanced_weights, fill_color
from train.settings.recipe import Recipe

Augment = Callable[[tf.Tensor], tf.Tensor]  # from indices to images

PLAN = EpochPlan(tf.int64, tf.int64, tf.int64, tf.bool, tf.int64, tf.float32, tf.float32, tf.int64)


def crop_indices(index, offsets, mirrored, padded_size, size):
    """Where the pixels of cropped and flipped images are in a flat list of padded images.

    Args:
        index: `(batch,)` int64: which images.
        offsets: `(batch, 2)` int64: top and left of each one's crop in its padded_size.
        mirrored: `(batch,)` booleans: whether to read it from right to left.
        padded_size: `(height, width)` of the padded images.
        size: `(height, width)` of the crops.

    Returns:
        `(batch, *size)` int64.
    """
    rows, columns = (tf.range(side, dtype=tf.int64) for side in size)
    columns = tf.where(mirrored[:, None], columns[::-1], columns) + offsets[:, 1:]
    rows = index[:, None] * padded_size[0] + offsets[:, :1] + rows
    return rows[:, :, None] * padded_size[1] + columns[:, None, :]


def mix(values, others, lambdas):
    """Mixup: `(1 - λ) * values + λ * others` in float32, with a λ for each of the batch."""
    lambdas = tf.reshape(lambdas, [-1] + [1] * (len(values.shape) - 1))
    return (1 - lambdas) * tf.cast(values, tf.float32) + lambdas * tf.cast(others, tf.float32)


def augmentation(split: Split, recipe: Recipe) -> Callable[[EpochPlan], Augment]:
    """How images look in an epoch: each cropped, flipped and mixed in its own way.

    Args:
        split: The images; their mean color surrounds each one.
        recipe: How they are augmented.

    Returns:
        A function of an epoch's plan, as tensors, to a function of the indices of images to
        `(batch, height, width, channels)` uint8.
    """
    gathered = split.in_memory and in_plan_only(recipe)
    return (_gathered if gathered else _read)(split, recipe, fill_color(split))


def _gathered(split: Split, recipe: Recipe, fill: np.ndarray) -> Callable[[EpochPlan], Augment]:
    size, pad = split.shape[:2], recipe.crop_padding
    padded_size = size[0] + 2 * pad, size[1] + 2 * pad
    with tf.device("/cpu:0"):
        # One gather of single pixels is seven times as fast as cropping, then flipping.
        pixels = tf.constant(padded(split, recipe, fill).reshape(-1, split.shape[2]))

    def for_epoch(plan: EpochPlan) -> Augment:
        def crop_and_flip(index):
            chosen = tf.gather(plan.offsets, index), tf.gather(plan.mirrored, index)
            return tf.gather(pixels, crop_indices(index, *chosen, padded_size, size))

        def look(index):
            images = crop_and_flip(index)
            if not recipe.cutout:
                return images
            holes = tf.gather(plan.holes, index)
            hidden = in_holes(holes, size, recipe.cutout, partial(tf.range, dtype=tf.int64))
            return tf.where(hidden[..., None], fill, images)

        def with_mixup(index):
            others = look(tf.gather(plan.partners, index))
            values = mix(look(index), others, tf.gather(plan.lambdas, index))
            return tf.cast(tf.round(values), tf.uint8)

        return with_mixup if recipe.mixup else look

    return for_epoch


def _read(split: Split, recipe: Recipe, fill: np.ndarray) -> Callable[[EpochPlan], Augment]:
    augment = augmenter(split, recipe, fill)

    def for_epoch(plan: EpochPlan) -> Augment:
        def read(index):
            images = tf.numpy_function(
                lambda index, *parts: augment(index, EpochPlan(*parts)), [index, *plan], tf.uint8
            )
            sides = (None, None) if recipe.resizes else split.shape[:2]
            return tf.ensure_shape(images, (index.shape[0], *sides, split.shape[2]))

        return read

    return for_epoch


def _plan(recipe: Recipe, count: int, epoch) -> EpochPlan:
    """The plan of an epoch whose number is a tensor."""
    parts = tf.numpy_function(
        lambda number: epoch_plan(recipe, count, int(number)), [epoch], [*PLAN], stateful=False
    )
    shapes = ((), (count,), (count, 2), (count,), (count,), (count,), (count, 4), (count, 2))
    return EpochPlan(*map(tf.ensure_shape, parts, shapes))


def training_batches(
    split: Split,
    classes: int,
    recipe: Recipe,
    epoch: int = 0,
    step: int = 0,
    targets: np.ndarray | None = None,
    block: int = 1,
) -> tf.data.Dataset:
    """Batches of all epochs, from any step of any epoch on, see `Backend`."""
    augment, count = augmentation(split, recipe), len(split)
    weigh = None
    if recipe.class_weight == "balanced":
        weigh = tf.constant(balanced_weights(split.labels, classes))
    with tf.device("/cpu:0"):
        labels = tf.constant(split.labels)
        # oneDNN complains of float16 on CPUs without AVX-512.
        soft = None if targets is None else tf.constant(targets, tf.float32)

    def one_epoch(number):
        plan = _plan(recipe, count, number)
        augment_batch = augment(plan)

        def wanted(index):
            if soft is not None:
                return tf.gather(soft[number % soft.shape[0]], index)
            own = tf.one_hot(tf.gather(labels, index), classes)
            if not (recipe.mixup or recipe.cutmix):
                return own
            partners = tf.gather(labels, tf.gather(plan.partners, index))
            return mix(own, tf.one_hot(partners, classes), tf.gather(plan.lambdas, index))

        def batch(index):
            found = augment_batch(index), wanted(index)
            return found if weigh is None else (*found, tf.linalg.matvec(found[1], weigh))

        first = tf.where(number == epoch, step * recipe.batch_size, 0)
        indices = tf.data.Dataset.from_tensor_slices(plan.order[first:])
        return indices.batch(recipe.batch_size, drop_remainder=True).map(batch)

    return tf.data.Dataset.range(epoch, recipe.epochs).flat_map(one_epoch).prefetch(2)


def pool_batches(split: Split, recipe: Recipe, number: int) -> tf.data.Dataset:
    """Every image once and in order, in one augmentation of the pool; without targets."""
    plan = epoch_plan(recipe, len(split), pool_index(recipe, number))
    augment_batch = augmentation(split, recipe)(EpochPlan(*map(tf.constant, plan)))
    return tf.data.Dataset.range(len(split)).batch(recipe.batch_size).map(augment_batch).prefetch(2)


def validation_batches(split: Split, classes: int, batch_size: int) -> tf.data.Dataset:
    """Every image once and in order, in batches of one size, see `Backend`."""
    count = len(split)
    padded = -(-count // batch_size) * batch_size
    batches = tf.data.Dataset.range(padded).batch(batch_size, drop_remainder=True)
    with tf.device("/cpu:0"):
        labels = tf.constant(split.labels)
        images = tf.constant(split.read()) if split.in_memory else None

    def read(index):
        if images is not None:
            return tf.gather(images, index)
        found = tf.numpy_function(split.read, [index], tf.uint8)
        return tf.ensure_shape(found, (index.shape[0], *split.shape))

    def batch(index):
        weights = tf.where(index < count, padded / count, 0.0)
        index = tf.minimum(index, count - 1)
        targets = tf.one_hot(tf.gather(labels, index), classes)
        return read(index), targets, tf.cast(weights, tf.float32)

    return batches.map(batch).prefetch(2)
