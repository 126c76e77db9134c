"""What a `.tflite` file says of itself: TFLite metadata, as phones' libraries read it.

It tells MediaPipe, Android Studio and others how images go in and what the scores mean. No package
that installs beside TensorFlow 2.21 writes it (tflite-support wants an old protobuf), so the
tables of its schema that an image classifier needs are written here, with the library flatbuffers.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers.number_types import Float32Flags, Int8Flags, Uint32Flags
from flatbuffers.table import Table

from keras_resnet.errors import InputError

LABELS = "labels.txt"


def lines(labels: Sequence[str]) -> str:
    """The text of a file of labels: a line each."""
    return "".join(f"{label}\n" for label in labels)


def read_lines(text: str) -> list[str]:
    """The labels in such a text."""
    return text.removesuffix("\n").split("\n")


def check_labels(labels: Sequence[str], classes: int) -> None:
    """Checks that there is a name of one line for each class, or none at all.

    Raises:
        InputError: if not.
    """
    names = [label for label in labels if label and "\n" not in label and "\r" not in label]
    if labels and not len(names) == len(labels) == classes:
        raise InputError(
            f"there are {len(labels)} labels, {len(names)} of them names of one line, for "
            f"{classes} classes: name each class once."
        )


@dataclass(frozen=True)
class Card:
    """What is said of a model to those who use its files.

    Attributes:
        name: Of the model.
        description: In a sentence or two.
        author: Who made it.
        license: Under which others may use it.
        labels: Names of the classes, in the order of the probabilities; may be empty.
        mean: Of each channel, or one for all: what the model wants images less of, 0 to 255.
        deviation: By what it wants them divided then.
    """

    name: str = "image classifier"
    description: str = "Gives the probability of each class for an RGB image."
    author: str = ""
    license: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)


UNNAMED = Card()

# metadata_schema.fbs 1.1 of tflite-support: the slots of each table in order. A slot of type
# `byte` before a table tells which of several kinds of table it is. `None` are slots not used here.
STRING, BYTE, UINT, FLOATS = "string", "byte", "uint", "floats"
SCHEMA: dict[str, list[tuple[str, Any] | None]] = {
    "ModelMetadata": [
        ("name", STRING),
        ("description", STRING),
        ("version", STRING),
        ("subgraph_metadata", ["SubGraphMetadata"]),
        ("author", STRING),
        ("license", STRING),
        None,
        ("min_parser_version", STRING),
    ],
    "SubGraphMetadata": [
        None,
        None,
        ("input_tensor_metadata", ["TensorMetadata"]),
        ("output_tensor_metadata", ["TensorMetadata"]),
    ],
    "TensorMetadata": [
        ("name", STRING),
        ("description", STRING),
        None,
        ("content", "Content"),
        ("process_units", ["ProcessUnit"]),
        ("stats", "Stats"),
        ("associated_files", ["AssociatedFile"]),
    ],
    "Content": [("content_properties_type", BYTE), ("content_properties", "ImageProperties")],
    "ImageProperties": [("color_space", BYTE), ("default_size", "ImageSize")],
    "ImageSize": [("width", UINT), ("height", UINT)],
    "ProcessUnit": [("options_type", BYTE), ("options", "NormalizationOptions")],
    "NormalizationOptions": [("mean", FLOATS), ("std", FLOATS)],
    "Stats": [("max", FLOATS), ("min", FLOATS)],
    "AssociatedFile": [("name", STRING), ("description", STRING), ("type", BYTE)],
}
IDENTIFIER, BUFFER = b"M001", b"TFLITE_METADATA"
IMAGE_PROPERTIES, NORMALIZATION_OPTIONS, TENSOR_AXIS_LABELS = 2, 1, 2
COLOR_SPACES, UNKNOWN = {1: 2, 3: 1}, 0  # by number of channels: grey, RGB


def describe(model: bytes, card: Card) -> bytes:
    """Puts a card into a `.tflite` file: its metadata, and the names of the classes as a file.

    Args:
        model: The file of an image classifier: one input `(1, height, width, channels)`, one
            output of probabilities.
        card: What to say of it.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = schema.ModelT.InitFromPackedBuf(bytearray(model))
    graph = content.subgraphs[0]
    metadata = _model_metadata(card, graph.tensors[graph.inputs[0]].shape)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(_finished(metadata), np.uint8)
    entry.name, entry.buffer = BUFFER, len(content.buffers)
    content.buffers.append(buffer)
    content.metadata = [*(content.metadata or []), entry]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(content.Pack(builder), b"TFL3")
    file = io.BytesIO(builder.Output())
    if card.labels:
        with zipfile.ZipFile(file, "a") as archive:  # after the model, where readers look for it
            archive.writestr(zipfile.ZipInfo(LABELS), lines(card.labels))
    return file.getvalue()


def read(path: str | Path) -> dict[str, Any]:
    """Reads the metadata of a `.tflite` file: nested by the names of `SCHEMA`, and `labels`.

    A file without metadata gives no keys.
    """
    from ai_edge_litert import schema_py_generated as schema

    file = Path(path).read_bytes()
    model = schema.ModelT.InitFromPackedBuf(bytearray(file))
    found: dict[str, Any] = {}
    for entry in model.metadata or []:
        if entry.name == BUFFER:
            data = bytearray(model.buffers[entry.buffer].data)
            start = int.from_bytes(data[:4], "little")
            found = _unpack(Table(data, start), "ModelMetadata")
    if zipfile.is_zipfile(io.BytesIO(file)):
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            found["labels"] = read_lines(archive.read(LABELS).decode())
    return found


def _model_metadata(card: Card, shape) -> dict[str, Any]:
    _, height, width, channels = (int(side) for side in shape)
    image = {
        "name": "image",
        "description": f"{width} x {height} pixels, 0 to 255.",
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
                "options": {"mean": card.mean, "std": card.deviation},
            }
        ],
        "stats": _range(
            -np.divide(card.mean, card.deviation), (255 - np.array(card.mean)) / card.deviation
        ),
    }
    labels = {"name": LABELS, "description": "Names of the classes.", "type": TENSOR_AXIS_LABELS}
    probability: dict[str, Any] = {
        "name": "probability",
        "description": "The probability of each class.",
        "stats": _range([0], [1]),
    }
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


def _finished(metadata: dict[str, Any]) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(_pack(builder, "ModelMetadata", metadata), IDENTIFIER)
    return bytes(builder.Output())


def _pack(builder, table: str, values: dict[str, Any]) -> int:
    """Writes a table, and before it what it refers to; returns its place."""
    slots = [
        (place, slot[1], _written(builder, slot[1], values[slot[0]]))
        for place, slot in enumerate(SCHEMA[table])
        if slot and slot[0] in values
    ]
    builder.StartObject(len(SCHEMA[table]))
    for place, kind, value in slots:
        if kind == BYTE:
            builder.PrependInt8Slot(place, value, 0)
        elif kind == UINT:
            builder.PrependUint32Slot(place, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(place, value, 0)
    return builder.EndObject()


def _written(builder, kind, value):
    """The value of a slot: a number, or the place where the rest was written."""
    if kind in (BYTE, UINT):
        return value
    if kind == STRING:
        return builder.CreateString(value)
    if kind == FLOATS:
        return builder.CreateNumpyVector(np.array(value, "float32"))
    if isinstance(kind, str):
        return _pack(builder, kind, value)
    places = [_pack(builder, kind[0], row) for row in value]
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return builder.EndVector()


def _unpack(table: Table, name: str) -> dict[str, Any]:
    return {
        slot[0]: _value(table, slot[1], offset)
        for place, slot in enumerate(SCHEMA[name])
        if slot and (offset := table.Offset(4 + 2 * place))
    }


def _value(table: Table, kind, offset: int):
    if kind == BYTE:
        return table.Get(Int8Flags, table.Pos + offset)
    if kind == UINT:
        return table.Get(Uint32Flags, table.Pos + offset)
    if kind == STRING:
        return table.String(table.Pos + offset).decode()
    if kind == FLOATS:
        return table.GetVectorAsNumpy(Float32Flags, offset).tolist()
    if isinstance(kind, str):
        return _unpack(Table(table.Bytes, table.Indirect(table.Pos + offset)), kind)
    start = table.Vector(offset)
    places = [table.Indirect(start + 4 * row) for row in range(table.VectorLen(offset))]
    return [_unpack(Table(table.Bytes, place), kind[0]) for place in places]
