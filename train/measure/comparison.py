"""Exported files side by side: bytes, accuracy, speed; as JSON, as a table and as a picture."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.export.formats import load
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.files import sha256, size
from train.data.dataset import Split
from train.measure import latency
from train.runs.files import PICTURE
from train.runs.results import predict_finite, scores
from train.utils.quiet import quiet
from train.utils.table import align

THREADS, RUNS = (1, 2), latency.RUNS

Row = dict[str, Any]


def compare(
    folder: Path, formats: Sequence[str], reference: np.ndarray, test: Split
) -> dict[str, Row]:
    """Measures delivered files.

    Args:
        folder: Where they are.
        formats: Keys of `FORMAT_FILES`.
        reference: `(n, classes)` probabilities of the Keras model for the test images.
        test: The images to score them with.

    Returns:
        A row for each format: file, bytes, sha256, what `results.scores` gives, `drop` (accuracy
        lost, in percentage points), and of a `.tflite` the milliseconds an image takes by number of
        threads, the megabytes of memory, and whether XNNPACK computes all of it.

    Raises:
        InputError: if one gives probabilities that are not finite.
    """
    expected = scores(reference, reference, test)["accuracy"]
    rows = {}
    for name in formats:
        path = folder / FORMAT_FILES[name]
        print(f"measuring {path.name}", flush=True)  # int16x8 takes minutes
        with quiet():
            probabilities = predict_finite(name, load(folder, name), test)
        row: Row = {"file": path.name, "bytes": size(path), "sha256": sha256(path)}
        row |= scores(probabilities, reference, test)
        row["drop"] = round(100 * (expected - row["accuracy"]), 6)
        rows[name] = row | (_speed(path) if path.suffix == ".tflite" else {})
    return rows


def _speed(path: Path) -> Row:
    """For each number of threads; memory and delegation are of one."""
    measured = [time_files([path], threads)[0] for threads in THREADS]
    times = {
        f"{key}_{threads}": row[key]
        for threads, row in zip(THREADS, measured, strict=True)
        for key in ("median_ms", "p95_ms")
    }
    return times | {key: measured[0][key] for key in ("memory_mb", "delegated")}


def time_files(paths: Sequence[Path], threads: int) -> list[Row]:
    """Times `.tflite` files interleaved, in a process of their own: see `latency.measure`.

    Raises:
        InputError: if the runtime cannot run one of them.
    """
    command = [sys.executable, latency.__file__, f"--threads={threads}", f"--runs={RUNS}"]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True)
    if done.returncode:
        errors = re.findall(r"^error: (.*)\.$", done.stderr, re.MULTILINE)  # among chatter
        reason = errors[-1] if errors else f"exit status {done.returncode}"
        names = " or ".join(map(str, paths))
        raise InputError(f"cannot time {names} ({reason}): export again.")
    return json.loads(done.stdout)


COLUMNS = {  # of the table: what stands above, and how a row is written
    "file": "{file}",
    "bytes": "{bytes:,}",
    "accuracy": "{accuracy:.2%}",
    "drop": "{drop:+.2f}",
    "ms (p95), 1 thread": "{median_ms_1:.3f} ({p95_ms_1:.3f})",
    "2 threads": "{median_ms_2:.3f} ({p95_ms_2:.3f})",
    "memory": "{memory_mb:.1f} MB",
    "XNNPACK": "{delegated}",
}


def table(rows: dict[str, Row]) -> str:
    """The rows as aligned text, a line each under a header."""
    cells = ([_cell(text, row) for text in COLUMNS.values()] for row in rows.values())
    return align([list(COLUMNS), *cells])


def _cell(text: str, row: Row) -> str:
    words = {"delegated": "all" if row["delegated"] else "in part"} if "delegated" in row else {}
    try:
        return text.format(**row | words)
    except KeyError:
        return "-"  # of what is not for phones


def plot_sizes(folder: Path, rows: dict[str, Row], expected: float) -> None:
    """Draws size against accuracy, and the Keras model's accuracy as a line."""
    figure = Figure(figsize=(7.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.axhline(100 * expected, color="grey", linestyle="--", linewidth=1, label="Keras model")
    for marker, (name, row) in zip(cycle("os^Dvp"), rows.items(), strict=False):
        kilobytes = row["bytes"] / 1000
        label = f"{name}: {kilobytes:,.0f} kB, {row['accuracy']:.2%}"
        axes.plot(kilobytes, 100 * row["accuracy"], marker, markersize=8, alpha=0.7, label=label)
    axes.set(xlabel="size, kB", ylabel="accuracy on the test images, %")
    axes.margins(0.2)
    # A difference of a few images is not to look large.
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 100 * expected - 1), max(high, 100 * expected + 1))
    axes.grid(alpha=0.3)
    axes.set_xlim(left=0)
    figure.legend(loc="outside lower center", ncols=2)
    with replacing(folder / PICTURE) as partial:
        figure.savefig(partial, format="png", dpi=120)


def check_drops(rows: dict[str, Row], most: float) -> None:
    """Compares the accuracy of each file with the Keras model's.

    Raises:
        InputError: if one has lost more than `most` percentage points.
    """
    lost = [f"{row['file']} loses {row['drop']:.2f}" for row in rows.values() if row["drop"] > most]
    if lost:
        raise InputError(
            f"{', '.join(lost)} percentage points, more than {most:g}: do not use it (it is kept "
            "for inspection); try --qat_epochs=2 of train.export, or allow it with --max_drop."
        )
