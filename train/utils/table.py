"""Tables as text. Standard library only."""

from collections.abc import Sequence


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
