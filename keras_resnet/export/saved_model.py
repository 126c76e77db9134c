"""SavedModel: a classifier for servers, which takes arrays or encoded images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import tensorflow as tf

from keras_resnet.export import checksums
from keras_resnet.export.photographs import read
from keras_resnet.utils.framing import Framing
from keras_resnet.utils.labels import LABELS, check_labels, lines

Shape = tuple[int, int, int]  # height, width, channels


def write(
    model: keras.Model, path: Path, labels: Sequence[str] = (), framing: Framing | None = None
) -> None:
    """Writes a classifier as a SavedModel that needs nothing but TensorFlow.

    Its signatures, which are methods of what `tf.saved_model.load` returns, too:

    - `serving_default`: `image`, float32 `(n, height, width, channels)`, 0 to 255.
    - `serve`: `image_bytes`, string `(n,)`: PNG or JPEG files of any size, framed as in training.
      Where transparent they are black, unless a color of a grey PNG stands for it (tRNS); JPEG
      files are turned upright by their EXIF data. The method also takes images of the model's size
      as uint8 or float32. A model whose images are neither grey nor RGB, or of any size, has no
      `image_bytes`: this is then the same as `serving_default`.
    - `labels`, if labels are given: `index`, int64 of any shape, to the names of these classes,
      the empty string where there is no such class. They are read from `assets/labels.txt`.

    The output is always called `output_0`; of the first two it is float32 `(n, classes)`.

    Args:
        model: `(n, height, width, channels)` raw images, float32 0 to 255, to `(n, classes)`
            probabilities.
        path: The folder, made if missing.
        labels: The names of the classes, a line each, in the order of the probabilities; none of
            them empty.
        framing: How files of other sizes get the model's; by default its largest part in the
            middle of this shape is seen.

    Raises:
        InputError: if labels are not a line for each class.
        OSError, tf.errors.OpError: if the folder cannot be written to.
    """
    check_labels(labels, model.output_shape[-1])
    archive = keras.export.ExportArchive()
    archive.track(model)
    shape = model.input_shape[1:]
    images = tf.TensorSpec((None, *shape), tf.float32, "image")
    predict = archive.add_endpoint(
        "serving_default", lambda image: model(image, training=False), [images]
    )
    archive.add_endpoint("serve", _serve(predict, shape, framing or Framing()))
    with TemporaryDirectory() as folder:  # the labels are copied from there
        if labels:
            _add_labels(archive, lines(labels), Path(folder))
        archive.write_out(path, verbose=False)
    checksums.write_sums(path)


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Reads such a folder as a function of images.

    Raises:
        ValueError: if it is of something else.
    """
    with TemporaryDirectory() as folder:
        # TensorFlow takes the path for a pattern, and finds no variables below `photos[1]`:
        # https://github.com/tensorflow/tensorflow/issues/35489
        plain = Path(folder, "model")
        plain.symlink_to(path.resolve(), target_is_directory=True)
        loaded = tf.saved_model.load(str(plain))  # its variables live as long as it does
    if not hasattr(loaded, "serve"):
        raise ValueError("it has no function `serve`")
    return lambda images: loaded.serve(tf.constant(images)).numpy()


def _serve(predict: Callable, shape: Shape, framing: Framing) -> Callable:
    """The function of images of any kind; its first trace becomes the signature."""

    @tf.function(autograph=False)
    def serve(image):
        if image.dtype == tf.string:
            result = tf.TensorSpec(shape, tf.float32)
            image = tf.map_fn(
                lambda file: read(file, shape, framing), image, fn_output_signature=result
            )
        return predict(tf.cast(image, tf.float32))

    if None not in shape and shape[-1] in (1, 3):
        serve.get_concrete_function(tf.TensorSpec((None,), tf.string, "image_bytes"))
    for dtype in (tf.float32, tf.uint8):
        serve.get_concrete_function(tf.TensorSpec((None, *shape), dtype, "image"))
    return serve


def _add_labels(archive: keras.export.ExportArchive, text: str, folder: Path) -> None:
    """A table of the names, read from a file that is copied into the assets."""
    (folder / LABELS).write_text(text, encoding="utf-8")
    lines = tf.lookup.TextFileInitializer(
        str(folder / LABELS),
        tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
        tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
    )  # fmt: skip
    table = tf.lookup.StaticHashTable(lines, default_value="")
    archive.track(table)
    index = tf.TensorSpec(None, tf.int64, "index")
    archive.add_endpoint("labels", lambda index: table.lookup(index), [index])
