"""Errors that tell the user in one sentence what to do. Standard library only."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from os.path import commonprefix
from typing import Any, TypeVar

Row = TypeVar("Row")


class InputError(ValueError):
    """The caller's input cannot work; the message says what, why and what to do.

    In the library it is a `ValueError`; a command prints its message and exits with code 1.
    """


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
        f"unknown {what} {key!r}{suggestion(str(key), table)} Choose one of {', '.join(table)}."
    )


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


def shorten(value: Any, most: int = 60) -> str:
    """A value as Python writes it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
