"""How good a network is, where it is wrong, and how sure it is."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_resnet.export.files import FORMAT_FILES
from train.evaluation import figures
from train.evaluation.blocks import (
    Block,
    Chart,
    Charts,
    Confusion,
    Confusions,
    Facts,
    Gallery,
    Matrix,
    Picture,
    Table,
    Text,
)
from train.evaluation.material import Material, Record
from train.evaluation.pictures import thumbnail
from train.evaluation.record import CONFUSIONS, MISTAKES, OF_EACH
from train.evaluation.scores import confusions
from train.evaluation.words import bounds, number, percent, short

MOST_CLASSES = 20  # of a matrix that can be read


def scores(material: Material) -> list[Block]:
    """Test accuracy of the network, and of each file of it."""
    blocks: list[Block] = []
    evaluation = material.evaluation
    if evaluation is not None:
        rows = [
            [name, percent(evaluation[key]["value"]), bounds(evaluation[key])]
            for key, name in (("top1", "top-1 accuracy"), ("top5", "top-5 accuracy"))
            if key in evaluation
        ]
        rows.append(["cross-entropy, nats", number(evaluation["crossentropy"]), "-"])
        data = evaluation["data"]
        caption = f"{data['images']:,} {data['split']} images of {data['name']}"
        blocks.append(Table(caption, ["measure", "value", "95 % interval"], rows))
    test = (material.record or {}).get("test", {})
    if test:
        head = ["format", "file", "accuracy", "cross-entropy", "largest difference"]
        lines = [
            [
                name,
                FORMAT_FILES.get(name, "-"),
                percent(row["accuracy"]),
                number(row["crossentropy"]),
                number(row["max_difference"], 2),
            ]
            for name, row in test.items()
        ]
        blocks.append(Table("The files of this run, on the same images", head, lines))
    return blocks


def views(material: Material) -> list[Block]:
    """Several looks at each image, and what they cost."""
    rows = (material.evaluation or {}).get("views", ())
    if len(rows) < 2:
        return []
    lines = [
        [
            row["name"],
            percent(row["top1"]["value"]),
            bounds(row["top1"]),
            short(row["macs"]) if row.get("macs") else "-",
        ]
        for row in rows
    ]
    head = ["view", "top-1", "95 % interval", "multiply-accumulates"]
    return [Table("Averaged probabilities of several views of an image", head, lines)]


def members(material: Material) -> list[Block]:
    """What each member brings to an ensemble."""
    rows = (material.evaluation or {}).get("members", ())
    if not rows:
        return []
    lines = [
        [
            row["name"],
            percent(row["top1"]["value"]),
            bounds(row["top1"]),
            f"{row['weight']:.3f}",
            f"{100 * row['marginal']:+.2f} points",
        ]
        for row in rows
    ]
    head = ["member", "top-1 alone", "95 % interval", "weight", "gain by having it"]
    return [Table("Members of the ensemble", head, lines)]


def confusion(material: Material) -> list[Block]:
    """Which classes are taken for which others, the most frequent first, with their pictures."""
    evaluation = material.evaluation
    if evaluation is None:
        return []
    classes, counts = evaluation["data"]["classes"], np.array(evaluation["confusion"])
    found = confusions(evaluation["confusion"], CONFUSIONS)
    if not found:
        return [Text(["No image was taken for one of another class."])]
    examples = defaultdict(list)
    for row in evaluation["mistakes"]:
        examples[row["label"], row["prediction"]].append(row)
    rows = [
        Confusion(
            name=f"{classes[true]} taken for {classes[guess]}",
            images=images,
            share=images / counts[true].sum(),
            pictures=_pictures(material, examples[true, guess][:OF_EACH]),
        )
        for true, guess, images in found
    ]
    matrix = [Matrix(classes, counts.tolist())] * (len(classes) <= MOST_CLASSES)
    return [Confusions(rows), *matrix]


def surest(material: Material) -> list[Block]:
    """The answers of which the network was surest: mistakes, some of them of labels; right ones."""
    evaluation = material.evaluation or {}
    blocks: list[Block] = []
    if evaluation.get("mistakes"):
        rows = sorted(evaluation["mistakes"], key=lambda row: -row["confidence"])[:MISTAKES]
        text = "Wrong labels? A sure mistake is often a mistake of the label: look at each."
        blocks = [Text([text]), Gallery("Surest mistakes", _pictures(material, rows))]
    if evaluation.get("surest"):
        blocks.append(Gallery("Surest right answers", _pictures(material, evaluation["surest"])))
    return blocks


def _pictures(material: Material, rows: Sequence[Record]) -> list[Picture]:
    assert material.evaluation is not None
    classes = material.evaluation["data"]["classes"]
    sources = _thumbnails(material, rows)
    return [_picture(classes, row, source) for row, source in zip(rows, sources, strict=True)]


def _picture(classes: Sequence[str], row: Record, source: str | None) -> Picture:
    label, guess = classes[row["label"]], classes[row["prediction"]]
    sure = percent(row["confidence"], 1)
    place = f"image {row['index']}"
    if row["label"] == row["prediction"]:
        return Picture(source, f"{place}, {label}", [label, sure])
    return Picture(
        source,
        f"{place}, labelled {label}, predicted {guess}",
        [f"label: {label}", f"prediction: {guess}", sure],
    )


def _thumbnails(material: Material, rows: Sequence[Record]) -> list[str | None]:
    """Pictures of test images, if these are at hand: those that were evaluated, by their labels."""
    index = np.array([row["index"] for row in rows], np.int64)
    labels = [row["label"] for row in rows]
    data = material.data
    if not rows or data is None or index.max() >= len(data.test):
        return [None] * len(rows)
    if data.test.labels[index].tolist() != labels:
        return [None] * len(rows)
    return [thumbnail(image) for image in data.test.read(index)]


def calibration(material: Material) -> list[Block]:
    """Whether a confidence of 90 % is right in 90 % of the cases."""
    row: dict[str, Any] = (material.evaluation or {}).get("calibration") or {}
    if not row:
        return []
    bins, ece = row["bins"], row["ece"]
    filled = [one for one in bins if one["count"]]
    over = sum(one["count"] * (one["confidence"] - one["accuracy"]) for one in filled)
    tendency = "overconfident" if over > 0 else "underconfident"
    facts = {"expected calibration error": percent(ece), "on the whole": tendency}
    if row.get("temperature") is not None:
        facts["fitted temperature"] = number(row["temperature"], 3)
        seen = ", which it may have been trained on" if row.get("seen") else ""
        facts["fitted on"] = f"{row['fitted_on']:,} training images{seen}"
    if row.get("ece_after") is not None:
        facts["error with that temperature"] = percent(row["ece_after"])
    alt = (
        f"Reliability diagram: accuracy against confidence in {len(filled)} bins, expected "
        f"calibration error {percent(ece)}"
    )
    chart = Chart(
        "Reliability",
        figures.reliability(bins, alt),
        "On the dashes, it is exact. Bins of few images vary by chance.",
    )
    lines = [
        [
            f"{percent(one['low'], 0)} to {percent(one['high'], 0)}",
            f"{one['count']:,}",
            percent(one["confidence"], 1),
            percent(one["accuracy"], 1),
        ]
        for one in filled
    ]
    head = ["bin", "images", "confidence", "accuracy"]
    return [Facts(facts), Charts([chart]), Table("Bins as a table", head, lines, folded=True)]


def coverage(material: Material) -> list[Block]:
    """What it costs to say nothing where the network is not sure."""
    rows = (material.evaluation or {}).get("coverage", ())
    rows = [row for row in rows if row["accuracy"] is not None]  # of no answers there is none
    if not rows:
        return []
    points = [row["coverage"] for row in rows], [row["accuracy"] for row in rows]
    alt = (
        f"Accuracy against coverage: {percent(points[1][0])} of {percent(points[0][0], 0)} of the "
        f"images, {percent(points[1][-1])} of {percent(points[0][-1], 0)}"
    )
    drawing = figures.lines({"": points}, ("images answered", "accuracy"), alt, "percents")
    lines = [
        [number(row["threshold"], 3), percent(row["coverage"], 1), percent(row["accuracy"])]
        for row in rows
    ]
    text = "Below the threshold of confidence the network says nothing."
    head = ["threshold", "answered", "accuracy of these"]
    return [
        Text([text]),
        Charts([Chart("Coverage and accuracy", drawing)]),
        Table("Thresholds, chosen on training images", head, lines),
    ]


def per_class(material: Material) -> list[Block]:
    """Precision, recall and F1 of each class, the weakest first."""
    rows = (material.evaluation or {}).get("per_class", ())
    if not rows:
        return []
    lines = [
        [
            row["name"],
            f"{row['support']:,}",
            percent(row["recall"], 1),
            f"{100 * row['low']:.1f} to {percent(row['high'], 1)}",
            percent(row["precision"], 1),
            percent(row["f1"], 1),
        ]
        for row in sorted(rows, key=lambda row: row["recall"])
    ]
    head = ["class", "images", "recall", "95 % interval", "precision", "F1"]
    return [Table("Classes, the weakest first", head, lines, folded=len(lines) > 2 * MOST_CLASSES)]
