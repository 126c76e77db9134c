"""Fields of settings: one home for each default, its documentation and its limits.

A field of a dataclass made with `option` is a flag of a command and a JSON key of a record.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, get_args, get_origin

from keras_resnet.utils.errors import InputError, check_type, lookup, shorten

MOST = 2**31 - 1  # no limit but that of an int32
LONGEST_NAME, LONGEST_PATH = 255, 4095  # bytes, of Linux


def option(default: Any, help: str, **rules: Any) -> Any:
    """A dataclass field with its documentation and limits: one home for flag, help and check.

    Args:
        default: The default value.
        help: What it means, as the flag shows it.
        **rules: `choices`, a table of legal keys; or `low` and, if need be, `high`, inclusive, of
            a number or of each in a tuple; or `text`, a function such as `path`, from a name and a
            text to the text as it is used, and `empty` if a flag may be the empty text.
    """
    if "low" in rules:
        rules = {"high": MOST, **rules}
    return field(default=default, metadata={"help": help, **rules})


class Settings:
    """Base of dataclasses of settings: fields are checked, and JSON is read strictly.

    Scalars and arrays of NumPy become Python's, so that JSON can be written.

    Raises:
        InputError: for the first field of the wrong type, out of range, or not a legal choice.
    """

    __pydantic_config__ = {  # noqa: RUF012, see utils/schema.py
        "extra": "forbid", "strict": True, "allow_inf_nan": False,
    }  # fmt: skip

    def __post_init__(self) -> None:
        check(self)


def check(settings: Any) -> None:
    """Checks the fields of a dataclass against the limits given with `option`.

    Args:
        settings: A dataclass instance, whose values become those that `check_value` returns.

    Raises:
        InputError: for the first field of the wrong type, out of range, or not a legal choice.
    """
    for row in fields(settings):
        value = check_value(row.name, getattr(settings, row.name), row.type, row.metadata)
        object.__setattr__(settings, row.name, value)  # the dataclass may be frozen


def check_value(name: str, value: Any, kind: Any, rules: Mapping[str, Any]) -> Any:
    """A value as it is used, if it is of a type and keeps the rules given with `option`.

    Raises:
        InputError: that names what was expected, and the value.
    """
    if hasattr(value, "shape") and hasattr(value, "tolist"):
        value = value.tolist()  # a scalar or an array of NumPy
    if kind is bool and not isinstance(value, bool):
        raise InputError(f"{name} must be true or false; got {shorten(value)}.")
    if "choices" in rules:
        lookup(rules["choices"], value, name)
    elif kind in (int, float):
        return check_number(name, value, kind, rules.get("low", -MOST), rules.get("high", MOST))
    elif get_origin(kind) is tuple:
        return _check_tuple(name, value, get_args(kind)[0], rules)
    elif kind is str:
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if not isinstance(value, str):
            raise InputError(f"{name} must be a text; got {shorten(value)}.")
        return rules["text"](name, value) if value and "text" in rules else value
    return value


def _check_tuple(name: str, value: Any, kind: Any, rules: Mapping[str, Any]) -> tuple[Any, ...]:
    what = {int: "whole numbers", float: "numbers", str: "texts"}[kind]
    if not isinstance(value, list | tuple):
        raise InputError(f"{name} must be a list of {what}; got {shorten(value)}.")
    return tuple(check_value(f"each of {name}", each, kind, rules) for each in value)


def check_number(name: str, value: Any, kind: Any, low: float, high: float) -> Any:
    """A value as Python's `kind`, int or float, if it is within limits, inclusive.

    Raises:
        InputError: that names what was expected, and the value; NaN is within no limits.
    """
    legal = isinstance(value, Real if kind is float else Integral) and not isinstance(value, bool)
    if legal and low <= value <= high:
        return kind(value)
    what = "a number" if kind is float else "a whole number"
    unlimited = high == MOST and not (legal and value > high)
    limits = f"of at least {low}" if unlimited else f"from {low} to {high}"
    raise InputError(f"{name} must be {what} {limits}; got {shorten(value)}.")


def path(name: str, text: str) -> str:
    """The path that a text stands for: `~` is the user's home.

    Raises:
        InputError: if no file can have this name.
    """
    expanded = os.path.expanduser(text)
    if not text.strip() or "\0" in text:
        raise InputError(f"{name} must be a path; got {shorten(text)}.")
    if expanded.startswith("~"):
        raise InputError(f"{name} {shorten(text)} is of no user here: write ./~ for a plain ~.")
    try:
        expanded.encode()
    except UnicodeEncodeError:  # bytes that are no text: no record could name it
        raise InputError(f"{name} {shorten(text)} is no UTF-8: rename it.") from None
    length = max(len(os.fsencode(part)) for part in expanded.split(os.sep))
    if length > LONGEST_NAME or len(os.fsencode(expanded)) > LONGEST_PATH:
        raise InputError(f"{name} {shorten(text)} is too long for a path: give a shorter one.")
    return expanded


def check_path(name: str, value: Any) -> Path:
    """The path that a function was given, as text or `os.PathLike`: `~` is the user's home.

    Raises:
        InputError: if no file can have this name.
        TypeError: if it is no path at all.
    """
    check_type(name, value, str | os.PathLike, "a path")
    return Path(path(name, os.fspath(value)))


def paths(name: str, text: str) -> str:
    """The same for paths with commas between."""
    return ",".join(path(name, part.strip()) for part in text.split(","))


def read(name: str, text: str, kind: Any, rules: Mapping[str, Any]) -> Any:
    """A value from a text, as in a flag.

    Args:
        name: What it is of, for messages.
        text: As in `3`, `0.5`, `true`, `basic`; `3,3,3` for a tuple of whole numbers.
        kind: A key of `READERS`.
        rules: As for `option`; an empty text is legal only if `empty` is true.

    Raises:
        InputError: that names what was expected, and the text.
    """
    if not text.strip() and not rules.get("empty"):
        raise InputError(f"{name} is empty: give a value, or leave it out.")
    return check_value(name, READERS[kind](name, text), kind, rules)


def _number(kind: Callable[[str], Any]) -> Callable[[str, str], Any]:
    def parse(_: str, text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            return text  # which the check refuses, in its words

    return parse


# Words that mean true and false to absl, whose flags these are.
_BOOLEANS = {**dict.fromkeys(("true", "t", "1"), True), **dict.fromkeys(("false", "f", "0"), False)}
READERS: dict[Any, Callable[[str, str], Any]] = {
    int: _number(int),
    float: _number(float),
    bool: lambda name, text: _BOOLEANS.get(text.strip().lower(), text),
    str: lambda name, text: text,
    tuple[int, ...]: lambda name, text: tuple(READERS[int](name, part) for part in text.split(",")),
}
