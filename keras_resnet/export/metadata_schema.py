"""The tables of TFLite metadata, written and read by name with the library flatbuffers."""

from typing import Any

import flatbuffers
import numpy as np
from flatbuffers.number_types import Float32Flags, Int8Flags, Uint32Flags
from flatbuffers.table import Table

IDENTIFIER = b"M001"
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


def pack(values: dict[str, Any]) -> bytes:
    """The flatbuffer of a `ModelMetadata`, of values nested by the names of `SCHEMA`."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_pack(builder, "ModelMetadata", values), IDENTIFIER)
    return bytes(builder.Output())


def unpack(data: bytes) -> dict[str, Any]:
    """The values that `pack` was given."""
    start = int.from_bytes(data[:4], "little")
    return _unpack(Table(bytearray(data), start), "ModelMetadata")


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
