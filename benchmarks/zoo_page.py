"""The rows of `benchmarks.zoo` as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

HEAD = """# The zoo: the recorded trainings

Written by `python -m benchmarks.zoo` from the records in [docs/runs](runs/README.md) and
[saved_models/pretrained](../saved_models/README.md), which the first column names;
[zoo.csv](zoo.csv) has the same with more digits. What a record does not know is empty: version
0.1.0 kept no commit. Checksums are those of the weights, which come with the repository for the
runs in `saved_models/pretrained` only. The short trainings of the papers' experiments are in
[papers.md](papers.md).

- Accuracy: of all test images, once, after training; mean ± sample standard deviation over n
  seeds, of trainings that differ in nothing else. The int8 file is scored on the same images, and
  `(n = 1)` says that only one of the seeds was exported so.
- Parameters are the trainable ones, multiply-accumulates those of one image.
- Minutes are of one training's epochs, their mean. Some trainings had two cores and some one, often
  beside other work, and some were paused: they are no benchmark.
- A command is without the seed, the place of the data, the number of processes and the precision.

"""


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """`zoo.md`."""
    columns: dict[str, Callable[[Mapping[str, Any]], Any]] = {
        "network": _name, "data": itemgetter("data"), "parameters": _number("parameters"),
        "multiply-accumulates": _number("macs"),
        "accuracy, %": lambda row: mean_and_deviation(row, "accuracy"), "n": itemgetter("n"),
        "int8, %": _int8, "epochs": itemgetter("epochs"),
        "minutes": lambda row: f"{row['minutes']:.0f}" if row["minutes"] else "",
        "machine": itemgetter("machine"), "version": itemgetter("version"),
        "commit": lambda row: _short(row["commit"]),
        "weights, SHA-256": lambda row: _short(row["weights_sha256"]),
        "command": lambda row: f"`{row['command']}`" if row["command"] else "",
    }  # fmt: skip
    left = {"network", "data", "machine", "version", "commit", "weights, SHA-256", "command"}
    lines = [f"| {' | '.join(columns)} |"]
    lines += [f"|{'|'.join('---' if name in left else '--:' for name in columns)}|"]
    for row in rows:
        shown = (value(row) for value in columns.values())
        lines += [f"| {' | '.join('' if cell is None else str(cell) for cell in shown)} |"]
    return HEAD + "\n".join([*lines, ""])


def mean_and_deviation(row: Mapping[str, Any], measure: str) -> str:
    """Mean ± sample standard deviation, with two digits; empty if it was not measured."""
    middle, spread = row[f"{measure}_mean"], row[f"{measure}_std"]
    if middle is None:
        return ""
    return f"{middle:.2f}" + (f" ± {spread:.2f}" if spread is not None else "")


def _int8(row: Mapping[str, Any]) -> str:
    some = row["int8_n"] not in (None, row["n"])
    return mean_and_deviation(row, "int8") + (f" (n = {row['int8_n']})" if some else "")


def _name(row: Mapping[str, Any]) -> str:
    """The network, and the records that tell of it, by their names."""
    return (
        f"{row['network']}: {', '.join(Path(place).stem for place in row['records'].split('; '))}"
    )


def _number(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: f"{row[name]:,}"


def _short(texts: str) -> str:
    """Checksums as git shortens them; `-dirty` is of a commit whose files were changed."""
    parts = (text.partition("-") for text in texts.split("; ") if text)
    return ", ".join(f"`{''.join([number[:8], *rest])}`" for number, *rest in parts)
