"""Errors that tell the user in one sentence what to do. Of itself, standard library only."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from os.path import commonprefix
from reprlib import Repr
from typing import Any, TypeVar

Row = TypeVar("Row")

LONGEST = 300  # letters of a word in a message: as many as a path may well have
_REPR = Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 60
# Before the sentence of an error of TensorFlow: what kind it is, and where in the graph.
_PREAMBLE = re.compile(r"Graph execution error:|Detected at node|\s")


class InputError(ValueError):
    """The caller's input cannot work; the message says what, why and what to do.

    In the library it is a `ValueError`; a command prints its message and exits with code 1. Words
    that no screen has room for lose their middle.
    """

    def __init__(self, message: str):
        half = LONGEST // 2
        super().__init__(re.sub(rf"(\S{{{half}}})\S+(\S{{{half}}})", r"\1...\2", str(message)))


def lookup(table: Mapping[str, Row], key: str, what: str) -> Row:
    """Returns `table[key]`, or raises an `InputError` that suggests the nearest legal key.

    Args:
        table: The legal keys and what they stand for.
        key: What the caller asked for.
        what: The kind of thing it is, for the message: `"model"`, `"recipe"`...

    Raises:
        InputError: if `key` is not in `table`.
    """
    if isinstance(key, str) and key in table:
        return table[key]
    raise InputError(
        f"unknown {what} {shorten(key)}{suggestion(str(key)[:LONGEST], table)} Choose one of "
        f"{', '.join(table)}."
    )


def check_type(name: str, value: Any, kind: Any, expected: str) -> None:
    """Checks that an argument is of the type that is wanted.

    Args:
        name: The argument's.
        value: What was given.
        kind: A class, or several.
        expected: These in words, as in `"a keras.Model"`.

    Raises:
        TypeError: that names what was expected, and the value.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {expected}; got {shorten(value)}.")


def check_model(model: Any) -> None:
    """Checks that an argument is a model of Keras whose layers and inputs are known.

    Raises:
        InputError: if it is a model that is not built.
        TypeError: if it is none.
    """
    import keras

    check_type("model", model, keras.Model, "a keras.Model")
    if not getattr(model, "inputs", None):
        raise InputError(f"{model.name} has no known inputs: build it of a keras.Input.")


def suggestion(key: str, names: Iterable[str]) -> str:
    """The end of a sentence about a mistyped name: `": did you mean 'NAME'?"` or a full stop."""
    near = get_close_matches(key, names, n=5)
    # Of names about as near, the one that begins alike: resnet21 is resnet20 more than resnet32.
    prefix = {name: len(commonprefix([name, key])) for name in near}  # noqa: RUF071, no paths
    best = max(near, key=prefix.__getitem__, default=None)
    return f": did you mean {best!r}?" if best else "."


def shorten_list(names: Sequence[str], most: int = 5) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def contrast(ones: Sequence[str], others: Sequence[str], most: int = 5) -> tuple[str, str]:
    """Two lists of names in short, so that one sees where they differ."""
    pairs = enumerate(zip(ones, others, strict=False))
    alike = next((place for place, (one, other) in pairs if one != other), None)
    same = min(len(ones), len(others)) if alike is None else alike
    if same < most:
        return shorten_list(ones, most), shorten_list(others, most)
    ends = (shorten_list(names[same:], most) or "no more" for names in (ones, others))
    one, other = (f"{same} equal names and then {end}" for end in ends)
    return one, other


def shorten(value: Any) -> str:
    """A value as Python writes it, on one line and without its middle if it is long."""
    return " ".join(_REPR.repr(value).splitlines())


def sentence(error: BaseException) -> str:
    """What another library's error says: one line, without the names that only it knows."""
    text = str(getattr(error, "message", None) or error)
    text = re.sub(r"\s*\{\{.*?\}\}\s*|\s*\[Op:\w*\]", "", text)
    lines = [line for line in text.splitlines() if line and not _PREAMBLE.match(line)]
    first = (lines or [type(error).__name__])[0].rstrip(". ")
    return first if len(first) <= LONGEST else f"{first[:LONGEST]}..."
