"""Tables, as text for people and as CSV. Standard library only."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_resnet.utils.atomic import replacing


def align(rows: Sequence[Sequence[str]], right: bool = True) -> str:
    """Rows of cells as lines, with columns of one width.

    Args:
        rows: The cells.
        right: Whether columns but the first are aligned at the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place and right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def cell(value: Any) -> Any:
    """A value as one cell: 3-3-3 for a tuple."""
    return "-".join(map(str, value)) if isinstance(value, tuple) else value


def write_csv(
    path: Path, rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None
) -> None:
    """Writes a table, with an empty cell for what a row does not have; without columns, nothing.

    Args:
        path: Of the file.
        rows: By column.
        names: The columns, in order; `None` for all that the rows have.
    """
    columns = list(names or dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        if columns:
            table = csv.DictWriter(file, columns, extrasaction="ignore")
            table.writeheader()
            table.writerows(rows)
