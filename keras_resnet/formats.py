"""The files a classifier is delivered as: how each is written, and read back to predict.

The only module of the package that needs TensorFlow; `import keras_resnet` does not import it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf

from keras_resnet.deep import deep
from keras_resnet.errors import InputError, lookup
from keras_resnet.files import replacing

Predict = Callable[[np.ndarray], np.ndarray]  # (n, height, width, channels) to (n, classes)

BATCH = 100  # images at a time when reading back


def _write_keras(model: keras.Model, path: Path) -> None:
    model.save(path)


def _read_keras(path: Path) -> Predict:
    with deep():
        model = keras.saving.load_model(path, compile=False)
    return _in_batches(model.predict_on_batch)


def _write_saved_model(model: keras.Model, path: Path) -> None:
    @tf.function
    def serve(image):
        return model(tf.cast(image, tf.float32), training=False)

    # The first trace is the signature `serving_default`; the second lets Python pass raw bytes.
    for dtype in (tf.float32, tf.uint8):
        serve.get_concrete_function(tf.TensorSpec((None, *model.input_shape[1:]), dtype, "image"))
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve)
    archive.write_out(path, verbose=False)


def _read_saved_model(path: Path) -> Predict:
    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    return _in_batches(lambda images: loaded.serve(tf.constant(images)).numpy())


def _write_tflite(model: keras.Model, path: Path) -> None:
    model.export(
        path,
        format="litert",
        verbose=False,
        # One image, as phones and their accelerators like it.
        input_signature=[keras.InputSpec("float32", (1, *model.input_shape[1:]), name="image")],
        # Else Keras lets operations in that only a special build of the runtime knows.
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]},
    )


def _read_tflite(path: Path) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def one(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(source, image[None].astype(np.float32))
        interpreter.invoke()
        return interpreter.get_tensor(result)[0]

    # One by one, as on a phone: what is scored is the graph as it ships.
    return lambda images: np.stack([one(image) for image in images])


class Format(NamedTuple):
    """A way to deliver a model."""

    file: str  # its name in a run folder
    write: Callable[[keras.Model, Path], None]
    read: Callable[[Path], Predict]


FORMATS = {
    "keras": Format("model.keras", _write_keras, _read_keras),
    "saved_model": Format("saved_model", _write_saved_model, _read_saved_model),
    "tflite": Format("model.tflite", _write_tflite, _read_tflite),
}


def save(model: keras.Model, folder: str | Path) -> None:
    """Writes a float32 classifier into a folder in all `FORMATS`, each whole or not at all.

    Args:
        model: `(batch, height, width, channels)` raw images, float 0 to 255, to `(batch, classes)`
            probabilities. A model that computes in half precision would give a `.tflite` that
            phones refuse, so it must be float32.
        folder: Made if missing.

    Raises:
        InputError: if the model computes in another type than float32.
        OSError: if the folder cannot be written to.
    """
    mixed = [la.name for la in model.layers if la.weights and la.compute_dtype != "float32"]
    if mixed:
        raise InputError(
            f"layer {mixed[0]!r} computes in {model.get_layer(mixed[0]).compute_dtype}: "
            "build the model again under the float32 policy and copy the weights before saving."
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for row in FORMATS.values():
        with replacing(folder / row.file, folder=not Path(row.file).suffix) as partial:
            row.write(model, partial)


def load(folder: str | Path, format: str = "keras") -> Predict:
    """Reads a classifier back as a plain function of images.

    Args:
        folder: Where `save` wrote.
        format: A key of `FORMATS`.

    Returns:
        A function from `(n, height, width, channels)` images, uint8 or float 0 to 255, to
        `(n, classes)` float32 probabilities.

    Raises:
        InputError: if the file is missing or damaged, or the format unknown.
    """
    row = lookup(FORMATS, format, "format")
    path = Path(folder) / row.file
    if not path.exists():
        raise InputError(f"no {path}: is {str(folder)!r} the folder of a finished run?")
    try:
        return row.read(path)
    except (OSError, ValueError, RuntimeError, KeyError, BadZipFile) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"cannot read {path} ({reason}): train or export again.") from error


def _in_batches(predict: Predict) -> Predict:
    def whole(images):
        parts = [predict(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        return np.concatenate(parts)

    return whole
