"""JSON as dataclasses: every record is read here, strictly, with errors of one sentence."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, shorten
from keras_resnet.utils.files import read_bytes

T = TypeVar("T")


adapter: Callable[[Any], TypeAdapter] = cache(TypeAdapter)  # making one takes milliseconds


def parse(cls: type[T], content: Mapping[str, Any], where: str = "") -> T:
    """An instance of a dataclass from a JSON object; types are not converted.

    Args:
        cls: The dataclass; nested ones are read alike.
        content: The object, as `json.loads` returns it.
        where: What it is of, for the message: a file, say.

    Raises:
        InputError: that names the first field that is missing, unknown or has an illegal value.
    """
    start = f"{where}: " if where else ""
    try:
        # Of JSON, strict means that lists become tuples and nothing else is converted.
        return adapter(cls).validate_json(json.dumps(content, allow_nan=False))
    except ValidationError as error:
        raise InputError(f"{start}{_sentence(error)}") from error
    except ValueError as error:
        raise InputError(f"{start}a number in it is not finite: write a finite one.") from error


def read(cls: type[T], path: Path) -> T:
    """The same from a JSON file.

    Raises:
        FileNotFoundError: if it is missing.
        InputError: if it cannot be read, or holds something else.
    """
    return parse(cls, read_json(path), str(path))


def read_json(path: Path) -> Any:
    """What is in a JSON file.

    Raises:
        FileNotFoundError: if it is missing.
        InputError: if it cannot be read.
    """
    return parse_json(read_bytes(path), str(path))


def parse_json(text: str | bytes, where: str) -> Any:
    """What is in a JSON text of at most 200 levels, whose numbers are finite.

    Args:
        text: In UTF-8.
        where: What it is, for the message: a file, say.

    Raises:
        InputError: if it is none.
    """
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise InputError(f"{where} is damaged ({error}): it must be JSON.") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def _sentence(error: ValidationError) -> str:
    """The first error in words: the field, what was expected, and the value."""
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"])) or "the record"
    if first["type"] == "value_error":  # raised by the dataclass itself, which names the field
        return str(first["ctx"]["error"])[:400]
    if first["type"] == "missing":
        return f"{field} is missing."
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{field} is unknown."
    expected = re.sub(r"^\w+ should", "should", first["msg"])  # "Input should", "Tuple should"
    return f"{field} {expected}; got {shorten(first['input'])}."
