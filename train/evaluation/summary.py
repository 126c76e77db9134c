"""An evaluation in a few lines for people, and as rows of a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.evaluation.heads import HEADS, SOFTMAX
from train.evaluation.record import ClassRecord, EvaluationRecord, Interval
from train.evaluation.scores import confusions, weakest
from train.utils.table import align, write_csv

RESULTS = "results.csv"
COLUMNS = (  # timm's
    "model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct",
    "interpolation",
)  # fmt: skip


def with_interval(interval: Interval) -> str:
    """A fraction with its interval, in percent."""
    value, low, high = (100 * interval[key] for key in ("value", "low", "high"))
    return f"{value:.2f} % ({low:.2f} to {high:.2f})"


def weakest_classes(rows: Sequence[ClassRecord]) -> str:
    """The three weakest classes with the fraction of their images that is recognized."""
    recalls = {
        row["name"]: Interval(value=row["recall"], low=row["low"], high=row["high"])
        for row in weakest(rows)
    }
    return ", ".join(f"{name} {with_interval(recall)}" for name, recall in recalls.items())


def class_table(rows: Sequence[ClassRecord]) -> str:
    """Every class: how many images it has, and its recall and precision on them, in percent."""
    cells = [
        [row["name"], str(row["support"]), *(f"{row[key]:.1%}" for key in ("recall", "precision"))]
        if row["support"]
        else [row["name"], "0", "-", "-"]
        for row in rows
    ]
    return align([["class", "test images", "recall", "precision"], *cells])


def text(record: EvaluationRecord) -> str:
    """What an evaluation found, a line for each thing."""
    subject, data, mended = record["subject"], record["data"], record["calibration"]
    classes = data["classes"]
    rows = []
    head = subject.get("head", SOFTMAX)
    if head != SOFTMAX:
        rows.append(["outputs", f"{head}: {HEADS[head].title}"])
    rows.append(["top-1", with_interval(record["top1"])])
    if "top5" in record:
        rows.append(["top-5", with_interval(record["top5"])])
    rows += [
        ["cross-entropy", f"{record['crossentropy']:.4f}"],
        [
            "ECE",
            f"{100 * mended['ece']:.2f} %; {100 * (mended['ece_after'] or 0):.2f} % at temperature "
            f"{mended['temperature']:.3f}",
        ],
        ["weakest classes", weakest_classes(record["per_class"])],
    ]
    mistaken = [
        f"{classes[true]} as {classes[predicted]} {count:,}"
        for true, predicted, count in confusions(record["confusion"])
    ]
    rows += [["confusions", ", ".join(mistaken) or "none"]]
    answers = [
        f"{row['coverage']:.1%} of the images at confidence {row['threshold']:.3f}: "
        f"{row['accuracy']:.2%}"
        for row in record["coverage"]
        if row["accuracy"] is not None and row["threshold"]
    ]
    rows += [["coverage" if not i else "", line] for i, line in enumerate(answers)]
    rows += [
        [f"view {view['name']}", f"{with_interval(view['top1'])}, {_millions(view['macs'])}"]
        for view in record["views"]
        if len(record["views"]) > 1
    ]
    rows += [
        [
            f"member {member['name']}",
            f"{with_interval(member['top1'])} alone, {100 * member['marginal']:+.2f} points to the "
            f"whole, weight {member['weight']:.3f}",
        ]
        for member in record["members"]
    ]
    view = record["views"][0]["name"]
    title = (
        f"{subject['name']} ({subject['format']}), {data['images']:,} {data['split']} images of "
        f"{data['name']}{'' if view == 'one' else f', view {view}'}"
    )
    lines = [title, *(f"  {line}" for line in align(rows, right=False).split("\n"))]
    if mended.get("seen"):
        lines.append(
            f"  (What is chosen is from {mended['fitted_on']:,} training images that "
            "the network may have seen: it is surer of those.)"
        )
    return "\n".join(lines)


def _millions(macs: int | None) -> str:
    return "cost unknown" if macs is None else f"{macs / 1e6:,.1f} million multiply-accumulates"


def table(records: Sequence[EvaluationRecord]) -> str:
    """Several evaluations, a line each."""
    rows = [["", "top-1", "cross-entropy", "ECE", "million MACs"]]
    for record in records:
        macs = record["subject"]["macs"]
        rows.append(
            [
                f"{record['subject']['name']} ({record['subject']['format']})",
                with_interval(record["top1"]),
                f"{record['crossentropy']:.4f}",
                f"{100 * record['calibration']['ece']:.2f} %",
                "-" if macs is None else f"{macs / 1e6:,.1f}",
            ]
        )
    return align(rows)


def write_results(
    folder: Path, records: Sequence[EvaluationRecord], side: int, crop_ratio: float
) -> None:
    """Writes `results.csv` with timm's columns: percents, and millions of parameters.

    Args:
        folder: Where to.
        records: Of the evaluations, a row each.
        side: Of the images, in pixels.
        crop_ratio: Part of the sides of a photograph that is seen, 0 to 1.
    """
    same = {"img_size": side, "crop_pct": crop_ratio, "interpolation": "bilinear"}
    write_csv(folder / RESULTS, [_row(record) | same for record in records], COLUMNS)


def _row(record: EvaluationRecord) -> dict[str, Any]:
    parameters = record["subject"]["parameters"]
    row = {
        "model": record["subject"]["name"],
        "param_count": "" if parameters is None else f"{parameters / 1e6:.2f}",
    }
    for name in ("top1", "top5"):
        if name in record:
            value = 100 * record[name]["value"]
            row |= {name: f"{value:.3f}", f"{name}_err": f"{100 - value:.3f}"}
    return row
