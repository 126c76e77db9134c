"""What sets a run apart from another. No Keras, no TensorFlow."""

import json
from dataclasses import asdict
from typing import Any

from keras_resnet.utils.errors import shorten
from train.settings.data import DataSettings
from train.settings.recipe import Recipe

# What is new in this version is off by default: so it was in records that do not know of it.
DEFAULTS = {"recipe": asdict(Recipe()), "data": asdict(DataSettings())}
BEGAN = "weights"  # which a description has only if it began from some
NOTHING = "nothing"  # stands for what one of two records lacks


def difference(there: dict[str, Any], here: dict[str, Any]) -> str | None:
    """In words, the first setting in which a record differs from a description.

    Args:
        there: A record as it was read; it may have more keys than the description.
        here: The description, as it would be written.
    """
    here = json.loads(json.dumps(here))
    there = there | {
        part: {key: defaults[key] for key in defaults.keys() & here[part].keys()} | there[part]
        for part, defaults in DEFAULTS.items()
        if part in here and part in there
    }
    keys = (key for key in [*here, BEGAN] if there.get(key) != here.get(key))
    return next((_words(key, there.get(key), here.get(key)) for key in keys), None)


def _words(name: str, there: Any, here: Any) -> str:
    """Down to the setting in which two values differ."""
    old, new = _by_name(there), _by_name(here)
    if old is not None and new is not None and old != new:
        keys = (key for key in old | new if old.get(key, NOTHING) != new.get(key, NOTHING))
        key = next(keys)
        return _words(f"{name}.{key}", old.get(key, NOTHING), new.get(key, NOTHING))
    return f"{name} {shorten(there)}, not {shorten(here)}"


def _by_name(value: Any) -> dict[str, Any] | None:
    """An object; or a list of them, by their names, as the dimensions of a search are."""
    if isinstance(value, list) and all(isinstance(v, dict) and "name" in v for v in value):
        value = {str(row["name"]): row for row in value}
    return value if isinstance(value, dict) else None
