"""What a search found: its trials, and accuracy against each cost."""

from collections.abc import Sequence

from train.evaluation import figures
from train.evaluation.blocks import Block, Chart, Charts, Table, Text
from train.evaluation.material import Material, Record
from train.evaluation.words import flat, number, percent, plain
from train.trainer.checkpoint import ACCURACY
from train.utils.pareto import on_front

LEFT_OUT = ("trial", "status", "reason", "rank", "on_front", ACCURACY)


def leaderboard(material: Material) -> list[Block]:
    """The trials, the best first, with the settings in which they differ."""
    rows = material.trials
    if not rows:
        return []
    finished = [row for row in rows if ACCURACY in row]
    failed = [row for row in rows if row.get("reason")]
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if _tells(key, rows)]
    titles = [material.costs.get(key, key) for key in keys]
    lines = [
        [
            str(row["trial"]),
            percent(row[ACCURACY]),
            "yes" if row.get("on_front") else "no",
            *(plain(row.get(key, "")) for key in keys),
        ]
        for row in finished
    ]
    head = ["trial", "held-out accuracy", "on the front", *titles]
    blocks: list[Block] = [Table(f"{len(finished)} trials, the best first", head, lines)]
    if failed:
        lines = [[str(row["trial"]), row["reason"]] for row in failed]
        title = f"{len(failed)} trials that failed"
        blocks.append(Table(title, ["trial", "reason"], lines, folded=True))
    return blocks


def _tells(key: str, rows: Sequence[Record]) -> bool:
    """Whether a column says something: in it, trials differ."""
    return key not in LEFT_OUT and len({str(row.get(key)) for row in rows}) > 1


def fronts(material: Material) -> list[Block]:
    """Accuracy against each cost, with the Pareto front of the two."""
    charts = []
    for cost, title in material.costs.items():
        rows = [row for row in material.trials if ACCURACY in row and cost in row]
        if rows:
            front = on_front(rows, ACCURACY, [cost])
            points = [
                (row[cost], row[ACCURACY], best) for row, best in zip(rows, front, strict=True)
            ]
            best = sorted((x, y) for x, y, on_front in points if on_front)
            alt = (
                f"Accuracy against {title}; the front goes from {percent(best[0][1])} at "
                f"{number(best[0][0])} to {percent(best[-1][1])} at {number(best[-1][0])}"
            )
            known = {
                name: (row[cost], row[ACCURACY])
                for name, row in material.published.items()
                if cost in row
            }
            alt += "".join(
                f"; {name}, published: {percent(y)} at {number(x)}"
                for name, (x, y) in known.items()
            )
            limit = material.limits.get(cost)
            alt += f"; the budget ends at {number(limit)}" if limit is not None else ""
            labels = title, "held-out accuracy"
            drawing = figures.front(points, labels, alt, known, limit)
            charts.append(Chart(title.capitalize(), drawing))
    if not charts:
        return []
    text = "On the front, no other trial is more accurate and costs no more."
    return [Text([text]), Charts(charts)]


def asked(material: Material) -> list[Block]:
    """What identifies a search: its space, its budget, its data."""
    if material.search is None:
        return []
    rows = [[key, plain(value)] for key, value in flat(material.search)]
    return [Table("All settings of the search", ["setting", "value"], rows, folded=True)]
