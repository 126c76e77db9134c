"""The Pareto front of a gain against costs."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def on_front(rows: Sequence[Row], gain: str, costs: Sequence[str]) -> list[bool]:
    """Of each row, whether no other is at least as good in everything, and better in something.

    Args:
        rows: With numbers for all of these keys.
        gain: The key of what is to be large.
        costs: The keys of what is to be small.
    """
    return [not any(_dominates(other, row, gain, costs) for other in rows) for row in rows]


def _dominates(one: Row, other: Row, gain: str, costs: Sequence[str]) -> bool:
    pairs = [(-one[gain], -other[gain]), *((one[cost], other[cost]) for cost in costs)]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
