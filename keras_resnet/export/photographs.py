"""Image files as a network's images, in TensorFlow: the twin of `train.data.images`."""

from collections.abc import Callable
from functools import partial

import tensorflow as tf

from keras_resnet.utils.framing import REDUCTIONS, Framing

ORIENTATION = 0x0112  # the EXIF tag
SOS, APP1, EXIF = 0xDA, 0xE1, b"Exif\0\0"  # of JPEG: where pixels begin, and where EXIF may be
# By orientation from 1 on, what turns an image upright; `tf.image.rot90` and its kin would add some
# hundred operations to the graph, and seconds to each export.
TURNS: list[Callable[[tf.Tensor], tf.Tensor]] = [
    lambda image: image,
    lambda image: tf.reverse(image, [1]),
    lambda image: tf.reverse(image, [0, 1]),
    lambda image: tf.reverse(image, [0]),
    lambda image: _transposed(image),
    lambda image: tf.reverse(_transposed(image), [1]),
    lambda image: tf.reverse(_transposed(image), [0, 1]),
    lambda image: tf.reverse(_transposed(image), [0]),
]


def _transposed(image: tf.Tensor) -> tf.Tensor:
    return tf.transpose(image, (1, 0, 2))


def read(file: tf.Tensor, shape: tuple[int, int, int], framing: Framing) -> tf.Tensor:
    """A PNG or JPEG file as `(height, width, channels)` float32, as Pillow would read it.

    But for one thing: in a grey PNG with a color that stands for transparent (tRNS), TensorFlow
    leaves this color as it is.

    A JPEG is turned upright by its EXIF data, and decoded in the smallest size that will do.
    """
    image, size = tf.cond(
        tf.io.is_jpeg(file), lambda: _jpeg(file, shape[:2], framing), lambda: _png(file)
    )
    image = tf.ensure_shape(image, (None, None, 3))
    if shape[2] == 1:
        image = _grey(image)
    return tf.ensure_shape(_frame(image, size, shape[:2], framing), shape)


def _jpeg(file: tf.Tensor, target: tuple[int, int], framing: Framing) -> tuple:
    """The upright pixels, int32 `(height, width, 3)`, and height and width that they stand for."""
    orientation = _orientation(file)
    stored = tf.io.extract_jpeg_shape(file)[:2]
    size = tf.where(orientation > 4, stored[::-1], stored)
    _, scale = _box(size, target, framing)
    ratios = (*REDUCTIONS, 1)
    decoders = [
        partial(tf.io.decode_jpeg, file, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")
        for ratio in ratios
    ]
    which = tf.argmax([tf.cast(ratio, tf.float64) <= scale for ratio in REDUCTIONS] + [True])
    image = tf.cast(tf.switch_case(tf.cast(which, tf.int32), decoders), tf.int32)
    turns = [partial(turn, image) for turn in TURNS]
    return tf.switch_case(orientation - 1, turns), size


def _png(file: tf.Tensor) -> tuple:
    image = tf.io.decode_png(file)  # unlike `decode_image`, it refuses animations
    image = _opaque(tf.cast(tf.ensure_shape(image, (None, None, None)), tf.int32))
    return image, tf.shape(image)[:2]


def _orientation(file: tf.Tensor) -> tf.Tensor:
    """The orientation that the EXIF data of a JPEG file say, int32 from 1 to 8; else 1."""
    data = tf.io.decode_raw(file, tf.uint8)
    last = tf.size(data) - 1

    def bytes_at(at, count):
        """Bytes from some places on, int32 `(..., count)`."""
        at = tf.expand_dims(at, -1) + tf.range(count)
        return tf.cast(tf.gather(data, tf.clip_by_value(at, 0, last)), tf.int32)

    def number(at, count, little):
        """The whole number in some bytes."""
        parts, powers = bytes_at(at, count), tf.constant([256**i for i in range(count)])
        powers = tf.where(little, powers, tf.reverse(powers, [0]))
        return tf.reduce_sum(parts * powers, axis=-1)

    def is_exif(at):
        return tf.reduce_all(bytes_at(at + 1, 1) == APP1) & tf.reduce_all(
            bytes_at(at + 4, len(EXIF)) == list(EXIF)
        )

    def other_segment(at):
        mark, kind = tf.unstack(bytes_at(at, 2))
        return (at < last) & (mark == 0xFF) & (kind != SOS) & ~is_exif(at)

    at = tf.while_loop(other_segment, lambda at: (at + 2 + number(at + 2, 2, False),), [2])[0]
    start = at + 4 + len(EXIF)  # of what is a TIFF file of its own
    little = bytes_at(start, 1) == ord("I")
    table = start + number(start + 4, 4, little)
    entries = table + 2 + 12 * tf.range(number(table, 2, little))
    found = tf.boolean_mask(entries, number(entries, 2, little) == ORIENTATION)
    value = number(tf.concat([found, [0]], 0)[0] + 8, 2, little)
    usable = (at < last) & is_exif(at) & (tf.size(found) > 0) & (value >= 1) & (value <= 8)
    return tf.where(usable, value, 1)


def _opaque(image: tf.Tensor) -> tf.Tensor:
    """Grey or RGB, with or without alpha, as RGB before black."""
    # Asked for an alpha channel, TensorFlow makes opaque images of 1, 2 or 4 bits transparent.
    has_alpha = tf.shape(image)[-1] % 2 == 0
    alpha = tf.where(has_alpha, image[..., -1:], 255)
    color = tf.cond(has_alpha, lambda: image[..., :-1], lambda: image)
    return (color * alpha + 127) // 255 * tf.ones(3, tf.int32)


def _grey(image: tf.Tensor) -> tf.Tensor:
    """RGB as one channel, with Pillow's weights and rounding."""
    weighted = tf.reduce_sum(image * [19595, 38470, 7471], axis=-1, keepdims=True)
    return (weighted + 32768) // 65536


def _box(size: tf.Tensor, target: tuple[int, int], framing: Framing) -> tuple:
    """Height and width of what is seen, float64, and how many of its pixels make one at least."""
    size, sides = tf.cast(size, tf.float64), tf.constant(target, tf.float64)
    if framing.resize == "crop":
        # The scale first, as `Framing` computes it: in another order some sizes round otherwise.
        scale = tf.reduce_min(size / sides) * framing.crop_ratio
        seen = tf.maximum(tf.round(sides * scale), 1)
        return seen, tf.reduce_min(seen / sides)
    if framing.resize == "pad":
        return size, tf.reduce_min(size / _inner(size, sides))
    return size, tf.reduce_min(size / sides)


def _inner(size: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    """Height and width of what a padded image is scaled to."""
    return tf.maximum(tf.round(size / tf.reduce_max(size / sides)), 1)


def _frame(
    image: tf.Tensor, size: tf.Tensor, target: tuple[int, int], framing: Framing
) -> tf.Tensor:
    """What is seen of an image, as `keras_resnet.utils.framing.frame` says; float32."""
    seen, _ = _box(size, target, framing)
    size, sides = tf.cast(size, tf.float64), tf.constant(target, tf.float64)
    decoded = tf.cast(tf.shape(image)[:2], tf.float64) / size  # what decoding has left of a pixel
    start = tf.floor((size - seen) / 2)
    first, last = (tf.cast(tf.round(edge * decoded), tf.int32) for edge in (start, start + seen))
    last = tf.maximum(last, first + 1)
    image = image[first[0] : last[0], first[1] : last[1]]
    shown = _inner(size, sides) if framing.resize == "pad" else sides
    height, width = tf.unstack(tf.cast(shown, tf.int32))
    # Pillow scales to the width, rounds, scales to the height and rounds again.
    image = _scale(_scale(image, (tf.shape(image)[0], width)), (height, width))
    if framing.resize != "pad":
        return image
    margin = (target[0] - height) // 2, (target[1] - width) // 2
    return tf.image.pad_to_bounding_box(image, *margin, *target)


def _scale(image: tf.Tensor, size: tuple) -> tf.Tensor:
    return tf.floor(tf.image.resize(image, size, antialias=True) + 0.5)
