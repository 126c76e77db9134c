"""From a classifier to `.tflite`: one image in, builtin operations only, quantized or not."""

import os
import re
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_resnet.export.files import CALIBRATED, QUANTIZER, QUANTIZERS
from keras_resnet.utils.errors import InputError, lookup, sentence
from keras_resnet.utils.extras import explain_missing


class Conversion(NamedTuple):
    """A way to store and compute weights and activations."""

    settings: dict[str, Any]  # of tf.lite.TFLiteConverter
    recipe: str | None = None  # of litert-quantizer


def _target(operations: str = "TFLITE_BUILTINS", *types) -> dict[str, Any]:
    # Keras lets all operations in, also those that only a special build of the runtime knows.
    supported = getattr(tf.lite.OpsSet, operations)
    return {"supported_ops": [supported], "supported_types": list(types)}


# What the converter says of operations that it cannot write.
UNKNOWN = re.compile(r"'(tf\.\w+)' op is neither a custom op|not yet supported for op: '(\w+)'")
SMALLER = {"optimizations": [tf.lite.Optimize.DEFAULT]}
CONVERSIONS = {
    "float32": Conversion({"target_spec": _target()}),
    "float16": Conversion(SMALLER | {"target_spec": _target("TFLITE_BUILTINS", tf.float16)}),
    "dynamic": Conversion(SMALLER | {"target_spec": _target()}, recipe="dynamic_wi8_afp32"),
    "int8": Conversion(
        SMALLER
        | {
            "target_spec": _target("TFLITE_BUILTINS_INT8"),
            # An app passes raw RGB bytes, and reads a probability as byte / 256.
            "inference_input_type": tf.uint8,
            "inference_output_type": tf.uint8,
        },
        recipe="static_wi8_ai8",
    ),
    "int16x8": Conversion(
        SMALLER
        | {"target_spec": _target("EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8")},
        recipe="static_wi8_ai16",
    ),
}


# What apps rely on where numbers are bytes: a pixel is the byte, and a probability its 256th part.
# Of signed bytes, 128 less.
SCALES = {"input": 1.0, "output": 1 / 256}
ZERO_POINTS = {np.uint8: 0, np.int8: -128}
INSTEAD = {
    "input": "prepare images by a factor and a term for each channel and nothing else, as "
    "preprocess_input does, right before a convolution",
    "output": "end the model in softmax or sigmoid",
}


def convert(
    model: keras.Model,
    path: Path,
    conversion: str,
    shape: tuple[int, int, int],
    calibration: np.ndarray | None = None,
    quantizer: str = QUANTIZER,
) -> None:
    """Writes a float32 classifier as a `.tflite` file with one image as input.

    Args:
        model: As `fold` made it.
        path: The file, whose name ends in `.tflite`.
        conversion: A key of `CONVERSIONS`.
        shape: Of an image: height, width, channels.
        calibration: `(n, height, width, channels)` raw images to calibrate with, 0 to 255: of the
            training images, never of those that the file is scored with.
        quantizer: A key of `QUANTIZERS`, for the conversions that it knows.

    Raises:
        InputError: if images are missing, an operation is not one of TFLite's own, or bytes do not
            mean pixels and probabilities as apps rely on.
    """
    row = lookup(CONVERSIONS, conversion, "conversion")
    lookup(QUANTIZERS, quantizer, "quantizer")
    settings = dict(row.settings)
    calibrated = conversion in CALIBRATED
    if calibrated:
        if calibration is None or not len(calibration):
            raise InputError(
                f"{conversion} needs images to calibrate with, and there are none: give training "
                "images."
            )
        calibration = _whole_range(calibration)
        settings["representative_dataset"] = lambda: ([image] for image in _single(calibration))
    separately = quantizer == "litert" and row.recipe
    with _explained(conversion):
        _export(model, path, shape, CONVERSIONS["float32"].settings if separately else settings)
        if separately:
            floats = "inference_input_type" not in settings
            _quantize(path, separately, calibration if calibrated else None, floats)
    check_bytes(_interpreter(path), conversion)


@contextmanager
def _explained(conversion: str) -> Iterator[None]:
    """Turns what the converter and the quantizer say of a model into one sentence."""
    try:
        yield
    except (InputError, OSError, tf.errors.OpError):  # a full disk is not of the model
        raise
    except Exception as error:  # the converter has an own class for it, out of public reach
        unknown = UNKNOWN.search(str(error))
        problem = (
            f"{unknown[1] or unknown[2]} is not an operation that TFLite has in this format, and "
            "phones could not run it"
            if unknown
            else f"the model cannot be converted to {conversion} ({sentence(error)})"
        )
        raise InputError(
            f"{problem}: build it of other layers, or leave the format out."
        ) from error


def _single(images: np.ndarray) -> Iterator[np.ndarray]:
    return (image[None].astype(np.float32) for image in images)


def _whole_range(images: np.ndarray) -> np.ndarray:
    """The images, with a black and a white pixel: the range of the input is then 0 to 255.

    All of them, as the newer quantizer takes a mean over the ranges of images.
    """
    images = images.copy()
    images[:, 0, 0], images[:, -1, -1] = 0, 255
    return images


def _export(model: keras.Model, path: Path, shape: tuple, settings: dict[str, Any]) -> None:
    signature = keras.InputSpec("float32", (1, *shape), name="image")
    with warnings.catch_warnings():
        # The converter asks for ranges of inputs even where calibration is to find them.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        model.export(path, format="litert", verbose=False, input_signature=[signature], **settings)


def _quantize(path: Path, name: str, calibration: np.ndarray | None, floats: bool) -> None:
    """Replaces a float32 file by one that the newer package quantized; `floats` is of its ends."""
    with explain_missing():
        from litert_quantizer import quantizer, recipe
    tool = quantizer.Quantizer(str(path))
    ends: list[dict[str, Any]] = [
        {"regex": ".*", "operation": end, "algorithm_key": "no_quantize", "op_config": {}}
        for end in ("INPUT", "OUTPUT")
    ]
    tool.load_quantization_recipe(getattr(recipe, name)() + ends * floats)
    with warnings.catch_warnings():
        # It keeps all tensors, and the runtime warns it that this takes memory.
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)
        ranges = None
        if calibration is not None:
            images = [{"image": image} for image in _single(calibration)]
            ranges = tool.calibrate({"serving_default": images})
        tool.quantize(ranges).export_model(path, overwrite=True)


def check_bytes(interpreter: Any, name: str) -> None:
    """Checks that the bytes at both ends of a file are what apps rely on; floats always are.

    Raises:
        InputError: if not; such a file would be wrong in every app without a word.
    """
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    for end, tensor in (("input", source), ("output", result)):
        if tensor["dtype"] is np.float32:
            continue
        expected = (SCALES[end], ZERO_POINTS.get(tensor["dtype"]))
        if tensor["quantization"] != expected:
            scale, zero = tensor["quantization"]
            raise InputError(
                f"the {end} of {name} is {tensor['dtype'].__name__} of scale {scale:g} and zero "
                f"point {zero}, and apps rely on uint8 of scale {SCALES[end]:g} and zero point 0: "
                f"{INSTEAD[end]}, or leave the format out."
            )


def _interpreter(path: Path):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(str(path), num_threads=1)


def read(path: Path):
    """Reads a `.tflite` file back as a function of raw images to probabilities.

    Images go through one by one, as on a phone, and a file of bytes is given the bytes that an app
    would give it: what is computed is the graph as it ships.

    Raises:
        InputError: if bytes do not mean pixels and probabilities as apps rely on.
    """

    def start():
        interpreter = _interpreter(path)
        interpreter.allocate_tensors()
        return interpreter

    interpreters = [start() for _ in range(min(os.cpu_count() or 1, 8))]
    check_bytes(interpreters[0], path.name)

    def predict(images: np.ndarray) -> np.ndarray:
        parts = np.array_split(images, len(interpreters))
        with ThreadPoolExecutor() as threads:
            return np.concatenate(list(threads.map(_run, interpreters, parts)))

    return predict


def _run(interpreter, images: np.ndarray) -> np.ndarray:
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = [np.empty((0, *result["shape"][1:]), np.float32)]
    for image in images:
        interpreter.set_tensor(source["index"], _sent(image[None], source["dtype"]))
        interpreter.invoke()
        rows.append(_received(interpreter.get_tensor(result["index"])))
    return np.concatenate(rows)


def _sent(image: np.ndarray, dtype: type) -> np.ndarray:
    """An image as an app gives it: floats, or bytes whatever the file says of their scale."""
    if dtype in ZERO_POINTS:
        image = np.clip(np.round(image), 0, 255).astype(int) + ZERO_POINTS[dtype]
    return image.astype(dtype)


def _received(values: np.ndarray) -> np.ndarray:
    """Probabilities as an app reads them."""
    zero = ZERO_POINTS.get(values.dtype.type)
    values = values.astype(np.float32)
    return values if zero is None else (values - zero) * SCALES["output"]
