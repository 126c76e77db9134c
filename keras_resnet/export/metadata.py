"""TFLite metadata: the description of a model inside its `.tflite` file.

It tells MediaPipe, Android Studio and others how images go in and what the scores mean. No package
that installs beside TensorFlow 2.21 writes it (tflite-support wants an old protobuf), so the
tables of its schema that an image classifier needs are in `metadata_schema.py`.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

from keras_resnet.export import checksums
from keras_resnet.export.card import ModelCard
from keras_resnet.export.files import OUTPUTS
from keras_resnet.export.metadata_schema import pack, unpack
from keras_resnet.utils.errors import InputError, sentence
from keras_resnet.utils.fields import check_path
from keras_resnet.utils.files import read_bytes
from keras_resnet.utils.labels import LABELS, lines, read_lines

MOST_BYTES = 2**31  # of a flatbuffer
BUFFER = b"TFLITE_METADATA"
IMAGE_PROPERTIES, NORMALIZATION_OPTIONS, TENSOR_AXIS_LABELS = 2, 1, 2
COLOR_SPACES, UNKNOWN = {1: 2, 3: 1}, 0  # by number of channels: grey, RGB


def add_metadata(model: bytes, card: ModelCard, outputs: str = "softmax") -> bytes:
    """Puts a card into a `.tflite` file: its metadata, and the names of the classes as a file.

    The file ends with its checksum: see `checksums`.

    Args:
        model: The file of an image classifier: one input `(1, height, width, channels)`, one
            output of probabilities.
        card: What to say of it.
        outputs: What the model gives, a key of `OUTPUTS`.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = schema.ModelT.InitFromPackedBuf(bytearray(model))
    for buffer in content.buffers:  # litert-quantizer puts large ones behind all tables
        if buffer.offset:
            part = model[buffer.offset : buffer.offset + buffer.size]
            buffer.data, buffer.offset, buffer.size = np.frombuffer(part, np.uint8), 0, 0
    graph = content.subgraphs[0]
    metadata = _model_metadata(card, graph.tensors[graph.inputs[0]].shape, outputs)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(pack(metadata), np.uint8)
    entry.name, entry.buffer = BUFFER, len(content.buffers)
    content.buffers.append(buffer)
    content.metadata = [*(content.metadata or []), entry]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(content.Pack(builder), b"TFL3")
    file = io.BytesIO(builder.Output())
    if card.labels:
        with zipfile.ZipFile(file, "a") as archive:  # after the model, where readers look for it
            archive.writestr(zipfile.ZipInfo(LABELS), lines(card.labels))
            archive.comment = checksums.ROOM
        return checksums.seal(file.getvalue())
    return checksums.seal(file.getvalue() + checksums.ROOM)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Reads the metadata of a `.tflite` file, nested by the names of `SCHEMA`, and its `labels`.

    A file without metadata gives no keys.

    Raises:
        InputError: if the file is missing, damaged, or no `.tflite` file.
        TypeError: if `path` is no path.
    """
    path = check_path("path", path)
    try:
        return _read_metadata(read_bytes(path, MOST_BYTES))
    except FileNotFoundError:
        raise InputError(f"no {path}: check the path.") from None
    except InputError:
        raise  # which says all
    except Exception as error:  # a table that points anywhere gives errors of any kind
        raise InputError(
            f"cannot read {path} ({sentence(error)}): give a .tflite file that is whole."
        ) from error


def _read_metadata(file: bytes) -> dict[str, Any]:
    from ai_edge_litert import schema_py_generated as schema

    checksums.check(file)
    model = schema.ModelT.InitFromPackedBuf(bytearray(file))
    found: dict[str, Any] = {}
    for entry in model.metadata or []:
        if entry.name == BUFFER:
            found = unpack(bytes(model.buffers[entry.buffer].data))
    if zipfile.is_zipfile(io.BytesIO(file)):
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            if LABELS in archive.namelist():  # others may have other files
                found["labels"] = read_lines(archive.read(LABELS).decode())
    return found


def _model_metadata(card: ModelCard, shape, outputs: str) -> dict[str, Any]:
    _, height, width, channels = (int(side) for side in shape)
    image = {
        "name": "image",
        "description": f"{width} x {height} pixels, 0 to 255. {card.framing.described()}",
        "content": {
            "content_properties_type": IMAGE_PROPERTIES,
            "content_properties": {
                "color_space": COLOR_SPACES.get(channels, UNKNOWN),
                "default_size": {"width": width, "height": height},
            },
        },
        "process_units": [
            {
                "options_type": NORMALIZATION_OPTIONS,
                "options": {"mean": card.mean, "std": card.std},
            }
        ],
        "stats": _range(-np.divide(card.mean, card.std), (255 - np.array(card.mean)) / card.std),
    }
    labels = {"name": LABELS, "description": "Names of the classes.", "type": TENSOR_AXIS_LABELS}
    probability: dict[str, Any] = {
        "name": "logits" if outputs == "logits" else "probability",
        "description": OUTPUTS[outputs].capitalize() + ".",
    }
    if outputs != "logits":
        probability["stats"] = _range([0], [1])
    if card.labels:
        probability["associated_files"] = [labels]
    return {
        "name": card.name,
        "description": card.description,
        "subgraph_metadata": [
            {"input_tensor_metadata": [image], "output_tensor_metadata": [probability]}
        ],
        "author": card.author,
        "license": card.license,
        "min_parser_version": "1.0.0",
    }


def _range(low, high) -> dict[str, Any]:
    return {"max": high, "min": low}
