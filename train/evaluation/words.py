"""Numbers as a reader of a page wants them. Standard library only."""

from collections.abc import Iterator, Mapping
from typing import Any

SPACE = "\u00a0"  # no line ends there


def percent(value: float, digits: int = 2) -> str:
    """A fraction: 0.9125 is 91.25 %."""
    return f"{100 * value:.{digits}f}{SPACE}%"


def bounds(value: Mapping[str, float]) -> str:
    """The interval of a fraction: 90.68 to 91.79 %."""
    return f"{100 * value['low']:.2f} to {percent(value['high'])}"


def number(value: Any, digits: int = 4) -> str:
    """A number with `digits` significant ones; a whole number as it is; - if there is none."""
    if value is None:
        return "-"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.{digits}g}"


def short(value: float) -> str:
    """A large number with three significant digits: 270k, 41.2M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{SPACE}{unit}"
    return f"{value:g}"


def duration(seconds: float) -> str:
    """A time of so many seconds: 58 minutes."""
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}{SPACE}{unit}"
    return f"{seconds:.1f}{SPACE}seconds"


def roughly(seconds: float) -> str:
    """A time for a line of output: `40 s`, `12 min`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def plain(value: Any) -> str:
    """Anything of a record: lists with commas between, true and false as in commands."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "-"
    if isinstance(value, int | float):
        return number(value)
    return str(value).replace(",", ", ") or "-"


def flat(content: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    """Nested objects as one, with dots in the names."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from flat(value, f"{name}{key}.")
        else:
            yield f"{name}{key}", value
