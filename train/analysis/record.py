"""What analyses found, in files: a table and a picture of each, and one record of all."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from keras_resnet.utils.schema import write_json
from train.analysis import plotting
from train.analysis.analyses import ANALYSES, method
from train.analysis.subject import Subject
from train.runs.environment import environment
from train.runs.files import WEIGHTS
from train.utils.table import write_csv

RECORD = "analysis.json"


def describe(subjects: Sequence[Subject], command: str) -> dict[str, Any]:
    """The beginning of a record: the command, the networks and their data."""
    networks = {
        subject.name: {
            "path": str(subject.folder),
            "network": subject.run["network"],
            "sha256": subject.run["files"][WEIGHTS],
        }
        for subject in subjects
    }
    data = subjects[0].run["data"]
    return {
        "command": command, "data": data, "networks": networks, **environment(), "analyses": {},
    }  # fmt: skip


def write(
    folder: Path,
    name: str,
    found: Sequence[tuple[Subject, Any]],
    record: dict[str, Any],
    about: dict[str, Any],
) -> None:
    """Writes what an analysis found; the record last.

    Args:
        folder: That is written.
        name: A key of `ANALYSES`.
        found: The networks and what was found of them.
        record: Of all analyses; this one is added.
        about: What else the record says of this one.
    """
    analysis, rows = ANALYSES[name], method(name).rows
    tables = {subject.name: rows(result) for subject, result in found}
    write_table(folder / f"{name}.csv", tables)
    with plotting.lecture():
        figure = method(name).draw(found)
        figure.suptitle(analysis.title)
        figure.supxlabel(f"after {analysis.source}", fontsize="x-small", color="dimgray")
        plotting.save(figure, folder / f"{name}.svg")
    content = {network: [_plain(row) for row in table] for network, table in tables.items()}
    record["analyses"][name] = {
        "title": analysis.title,
        "source": analysis.source,
        "split": analysis.split,
        **about,
        "rows": content,
    }
    write_json(folder / RECORD, record)


def write_table(path: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Writes one table of several networks; what is not finite is an empty cell."""
    rows = [
        {"network": network, **_plain(row)} for network, table in tables.items() for row in table
    ]
    write_csv(path, rows)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without infinities and NaN, which JSON does not have."""
    return {
        key: None if isinstance(value, float) and not isfinite(value) else value
        for key, value in row.items()
    }
