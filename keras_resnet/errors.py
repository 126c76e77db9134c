"""Bad input, told in one sentence. Standard library only."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

Row = TypeVar("Row")


class InputError(ValueError):
    """What the caller gave cannot work; the message says what, why and what to do.

    The library raises it as any `ValueError`; a command prints its message and exits with 1.
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
    if key in table:
        return table[key]
    near = get_close_matches(str(key), table, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"unknown {what} {key!r}: {hint}Choose one of {', '.join(table)}.")
