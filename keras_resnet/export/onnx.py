"""ONNX: a classifier for runtimes other than TensorFlow's, by Keras's own exporter.

The file is of the folded network, so that nothing in it is of TensorFlow: Keras's exporter makes
constants outside of layers, such as those of `Normalization`, inputs that nobody feeds. It ends
with its checksum, as an entry `sha256` of the metadata: see `checksums`.
"""

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import keras
import numpy as np

from keras_resnet.export import checksums
from keras_resnet.export.card import ModelCard
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.extras import explain_missing

OPSET = 17  # of 2022: all runtimes of today know it; the most that tf2onnx 1.17 writes but one
INPUT, OUTPUT, BATCH = "image", "output_0", "batch"  # names, as in the SavedModel
# Of protocol buffers, a message after a message adds to it: `ModelProto.metadata_props` (field 14),
# an entry of 74 bytes, whose key is "sha256" and whose value is as long as `checksums.ROOM`.
TAIL = b"\x72\x4a\x0a\x06sha256\x12\x40" + checksums.ROOM


def write(model: keras.Model, path: Path, card: ModelCard, outputs: str) -> None:
    """Writes a classifier as an ONNX file.

    Its input is `image`, float32 `(batch, height, width, channels)`, 0 to 255; its output
    `output_0`, float32 `(batch, classes)`. The metadata have `name`, `description`, `author` and
    `license` of the card, `labels` (a JSON list), `framing` (a JSON object: how images of other
    sizes get the model's), and `outputs`.

    Args:
        model: The folded one.
        path: The file.
        card: What to say of it.
        outputs: What they are.

    Raises:
        InputError: if the packages for it are missing, or the exporter cannot write the model.
    """
    check_packages()
    import onnx

    spec = keras.InputSpec(shape=(None, *model.input_shape[1:]), dtype="float32", name=INPUT)
    with _calm():
        model.export(
            str(path), format="onnx", verbose=False, input_signature=[spec], opset_version=OPSET
        )
    proto = onnx.load(path)
    inputs, (output,) = [row.name for row in proto.graph.input], proto.graph.output
    if inputs != [INPUT]:
        raise InputError(
            f"Keras's ONNX exporter makes inputs of constants in {model.name}, {inputs[1:]}: "
            "prepare images by a factor and a term for each channel, before a convolution."
        )
    for value in (*proto.graph.input, output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    for node in proto.graph.node:
        node.output[:] = [OUTPUT if name == output.name else name for name in node.output]
        node.input[:] = [OUTPUT if name == output.name else name for name in node.input]
    output.name = OUTPUT
    proto.doc_string = card.description
    texts = {name: getattr(card, name) for name in ("name", "description", "author", "license")}
    objects = {"labels": card.labels, "framing": asdict(card.framing)}
    onnx.helper.set_model_props(
        proto, texts | {"outputs": outputs} | {key: json.dumps(v) for key, v in objects.items()}
    )
    onnx.checker.check_model(proto)
    path.write_bytes(checksums.seal(proto.SerializeToString() + TAIL))


@contextmanager
def _calm() -> Iterator[None]:
    """Holds back two warnings that say nothing of the model.

    Keras 3.15.1 looks for names that NumPy 2 has no more, to give them to tf2onnx; TensorFlow tells
    of each table of labels that was ever made, as tf2onnx copies all of the process's.
    """
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Reads such a file as a function of images, by ONNX Runtime on the CPU.

    Raises:
        Exception: whatever the runtime makes of a damaged file.
    """
    session = _session(path)
    (image,) = session.get_inputs()
    return lambda images: session.run(None, {image.name: np.asarray(images, np.float32)})[0]


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a file, by name."""
    return dict(_session(path).get_modelmeta().custom_metadata_map)


def _session(path: Path):
    with explain_missing():
        import onnxruntime
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def check_packages() -> None:
    """Checks, before much else is done, that ONNX files can be written and read here.

    Raises:
        InputError: if a package for it is missing.
    """
    with explain_missing():
        for name in ("onnx", "tf2onnx", "onnxruntime"):
            import_module(name)
