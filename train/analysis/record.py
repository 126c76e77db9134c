"""What analyses found, in files: a table and a picture of each, and one record of all."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import read, write_json
from train.analysis import plotting
from train.analysis.analyses import ANALYSES, method
from train.analysis.subject import Subject
from train.runs.environment import environment
from train.runs.files import WEIGHTS
from train.runs.record import OPEN
from train.utils.table import write_csv

RECORD = "analysis.json"


@with_config(OPEN)
class NetworkRecord(TypedDict):
    """What is read again of a network."""

    sha256: str  # of its weights


@with_config(OPEN)
class AnalysisRecord(TypedDict):
    """What is read again of `analysis.json`."""

    data: dict[str, Any]
    networks: dict[str, NetworkRecord]
    analyses: dict[str, Any]


def describe(subjects: Sequence[Subject]) -> dict[str, Any]:
    """The beginning of a record: the networks and their data."""
    networks = {
        subject.name: {
            "path": str(subject.folder),
            "network": subject.run["network"],
            "sha256": subject.run["files"][WEIGHTS],
        }
        for subject in subjects
    }
    data = subjects[0].run["data"]
    return {"data": data, "networks": networks, **environment(), "analyses": {}}


def known(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """What the folder of a record holds of earlier analyses of these networks and data, by name."""
    path = folder / RECORD
    try:
        there = read(AnalysisRecord, path) if path.exists() else None
    except InputError as error:
        print(f"{error} It is begun anew.", flush=True)
        return {}
    return there["analyses"] if there and _identity(there) == _identity(record) else {}


def _identity(record: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    return record["data"], {name: row["sha256"] for name, row in record["networks"].items()}


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
