"""Fields of settings: one home for each default, its documentation and its limits.

A field of a dataclass made with `option` is a flag of a command and a JSON key of a record.
"""

from dataclasses import field, fields
from typing import Any, get_origin

from keras_resnet.utils.errors import InputError, lookup

MOST = 2**31 - 1  # no limit but that of an int32


def option(default: Any, help: str, **rules: Any) -> Any:
    """A dataclass field with its documentation and limits: one home for flag, help and check.

    Args:
        default: The default value.
        help: What it means, as the flag shows it.
        **rules: `choices`, a table of legal keys; or `low` and, if need be, `high`, inclusive, of
            a number or of each in a tuple.
    """
    if "low" in rules:
        rules = {"high": MOST, **rules}
    return field(default=default, metadata={"help": help, **rules})


class Settings:
    """Base of dataclasses of settings: fields are checked, and JSON is read strictly.

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
        settings: A dataclass instance.

    Raises:
        InputError: for the first field of the wrong type, out of range, or not a legal choice.
    """
    for field_ in fields(settings):
        name, value = field_.name, getattr(settings, field_.name)
        rules = field_.metadata
        if field_.type is bool and not isinstance(value, bool):
            raise InputError(f"{name} must be true or false; got {value!r}.")
        if "choices" in rules:
            lookup(rules["choices"], value, name)
        elif "low" in rules and get_origin(field_.type) is tuple:
            for each in value:
                check_number(f"each of {name}", each, int, rules["low"], rules["high"])
        elif "low" in rules:
            check_number(name, value, field_.type, rules["low"], rules["high"])


def check_number(name: str, value: Any, kind: Any, low: float, high: float) -> None:
    """Checks that a value is of `kind`, int or float, and within limits, inclusive.

    Raises:
        InputError: that names what was expected, and the value.
    """
    legal = (int, float) if kind is float else (int,)
    if not isinstance(value, legal) or isinstance(value, bool) or not low <= value <= high:
        what = "a number" if kind is float else "a whole number"
        limits = f"of at least {low}" if high == MOST else f"from {low} to {high}"
        raise InputError(f"{name} must be {what} {limits}; got {value!r}.")
