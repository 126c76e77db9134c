"""JSON as dataclasses: every record is read here, strictly, with errors of one sentence."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, shorten

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
    try:
        # Of JSON, strict means that lists become tuples and nothing else is converted.
        return adapter(cls).validate_json(json.dumps(content))
    except ValidationError as error:
        raise InputError(f"{where}{': ' if where else ''}{_sentence(error)}") from error


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
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except NotADirectoryError:
        raise FileNotFoundError(path) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}).") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def _sentence(error: ValidationError) -> str:
    """The first error in words: the field, what was expected, and the value."""
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"])) or "the record"
    if first["type"] == "value_error":  # raised by the dataclass itself, which names the field
        return str(first["ctx"]["error"])
    if first["type"] == "missing":
        return f"{field} is missing."
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{field} is unknown."
    expected = re.sub(r"^\w+ should", "should", first["msg"])  # "Input should", "Tuple should"
    return f"{field} {expected}; got {shorten(first['input'])}."
