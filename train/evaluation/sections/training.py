"""How a network came to be: curves, costs of its stages, exported files, versions."""

from collections.abc import Callable, Mapping
from typing import Any

from keras_resnet import families
from keras_resnet.spec import Spec
from train.evaluation import figures
from train.evaluation.blocks import Block, Chart, Charts, Diagram, Facts, Part, Table, Text
from train.evaluation.material import Material
from train.evaluation.stages import Stage, stages
from train.evaluation.words import duration, number, percent, plain, short

CURVES = {  # by title: the columns of the history with their names, and how y is drawn
    "Loss": ({"loss": "training", "val_loss": "held out"}, ""),
    "Accuracy": ({"accuracy": "training", "val_accuracy": "held out"}, "percent"),
    "Learning rate": ({"learning_rate": "learning rate"}, ""),
    "Images per second": ({"images_per_second": "images/s"}, ""),
}


EXPORT_FACTS: dict[str, tuple[str, Callable[[Any], str]]] = {  # of `export.json`
    "keras": ("Keras model", lambda scores: percent(scores["accuracy"])),
    "hardware": ("milliseconds", lambda row: f"median of an image, on {row['cpu']}"),
    "calibration": (
        "calibrated with", lambda row: f"{row['images']:,} images of {row['from']}",
    ),
    "quantizer": ("quantizer", str),
    "qat_epochs": ("epochs of quantization-aware training", str),
}  # fmt: skip


def curves(material: Material) -> list[Block]:
    """Loss, accuracy, learning rate and speed over the epochs."""
    rows = material.history
    if not rows:
        return []
    charts = []
    for title, (columns, kind) in CURVES.items():
        series = {
            name: ([row["epoch"] for row in rows if key in row], [r[key] for r in rows if key in r])
            for key, name in columns.items()
        }
        drawn = {name: points for name, points in series.items() if points[0]}
        if drawn:
            alt = f"{title} over {len(rows)} epochs; {_course(drawn, kind)}"
            labels = "epoch", title.lower()
            drawing = figures.lines(drawn, labels, alt, kind)
            charts.append(Chart(title, drawing, _course(drawn, kind)))
    head = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[number(row.get(key)) for key in head] for row in rows]
    text = (
        "The accuracy of training images is that of augmented ones, during the epoch: it may be "
        "lower than that of other images."
    )
    return [Charts(charts), Text([text]), Table("Curves as a table", head, lines, folded=True)]


def _course(series: Mapping[str, figures.Points], kind: str) -> str:
    """In words: where each line begins and ends."""
    write = percent if kind == "percent" else number
    return "; ".join(
        f"{name}: {write(values[0])} at first, {write(values[-1])} at last"
        for name, (_, values) in series.items()
    )


def network(material: Material) -> list[Block]:
    """The stages of a network with their costs; of a family without stages, the costs alone."""
    config = material.network
    if isinstance(config, Spec):
        rows = stages(config)
        return [Diagram(_parts(config, rows)), _stage_table(config, rows)]
    if config is None:
        return []
    facts = {
        "trainable parameters": f"{families.parameters(config):,}",
        "multiply-accumulates for an image": f"{families.macs(config):,}",
    }
    facts |= {key: plain(value) for key, value in families.to_json(config).items()}
    return [Facts(facts)]


def _parts(spec: Spec, rows: list[Stage]) -> list[Part]:
    total = families.parameters(spec), families.macs(spec)
    largest = max(spec.input_shape[:2])
    return [
        Part(
            name=row.name,
            shape=_shape(row),
            side=max(row.size) / largest,
            shares={
                f"parameters {short(row.parameters)}": row.parameters / total[0],
                f"multiply-accumulates {short(row.macs)}": row.macs / total[1],
            },
            facts=[
                *([f"{row.blocks} {spec.block} block{'s' * (row.blocks > 1)}"] * bool(row.blocks)),
                f"sees {_field(row)}",
            ],
        )
        for row in rows
    ]


def _stage_table(spec: Spec, rows: list[Stage]) -> Table:
    head = [
        "part", "blocks", "output", "parameters", "multiply-accumulates", "receptive field",
    ]  # fmt: skip
    lines = [
        [
            row.name,
            str(row.blocks or "-"),
            _shape(row),
            f"{row.parameters:,}",
            f"{row.macs:,}",
            _field(row),
        ]
        for row in rows
    ]
    parameters, macs = families.parameters(spec), families.macs(spec)
    lines.append(["all", str(sum(spec.blocks)), "-", f"{parameters:,}", f"{macs:,}", "-"])
    return Table("Stages as a table", head, lines, folded=True)


def _shape(row: Stage) -> str:
    if row.field is None:
        return f"{row.channels} classes"
    return f"{row.size[0]}x{row.size[1]}, {row.channels} channels"


def _field(row: Stage) -> str:
    return "the whole image" if row.field is None else f"{row.field}x{row.field} pixels"


def exports(material: Material) -> list[Block]:
    """The exported files: what they lost, and how fast they are on one processor."""
    report = material.export
    if report is None:
        return []
    head = [
        "format", "file", "bytes", "accuracy", "points lost", "ms, 1 thread", "ms, 2 threads",
        "memory, MB",
    ]  # fmt: skip
    rows = [
        [
            name,
            row["file"],
            f"{row['bytes']:,}",
            percent(row["accuracy"]),
            f"{row['drop']:+.2f}",
            number(row.get("median_ms_1"), 3),
            number(row.get("median_ms_2"), 3),
            number(row.get("memory_mb"), 3),
        ]
        for name, row in report["formats"].items()
    ]
    facts = {name: write(report[key]) for key, (name, write) in EXPORT_FACTS.items()
             if key in report}  # fmt: skip
    return [Table("Exported files", head, rows), Facts(facts)]


def origin(material: Material) -> list[Block]:
    """Everything that somebody needs who wants to do the same again."""
    blocks: list[Block] = []
    record = material.record or {}
    about = material.evaluation or {}
    facts = {}
    if "data" in record:
        facts["data, SHA-256"] = record["data"]["sha256"]
    elif "data" in about:
        facts["data, SHA-256"] = about["data"]["sha256"]
    files = (material.export or {}).get("formats", {})
    facts |= {f"{row['file']}, SHA-256": row["sha256"] for row in files.values()}
    facts |= {f"teacher {name}, SHA-256": text for name, text in record.get("teachers", {}).items()}
    if facts:
        blocks.append(Facts(facts))
    made = {"training": record, "export": material.export or {}, "evaluation": about}
    made = {name: row for name, row in made.items() if "versions" in row}
    if made:
        blocks.append(_environments(made))
    settings = {part: record.get(part, {}) for part in ("network", "recipe", "execution")}
    rows = [
        [f"{part}.{key}", plain(value)]
        for part, values in settings.items()
        for key, value in values.items()
    ]
    if rows:
        blocks.append(Table("All settings", ["setting", "value"], rows, folded=True))
    return blocks


def _environments(made: Mapping[str, Mapping[str, Any]]) -> Table:
    """Versions and hardware, a column for each time."""
    columns = {name: {**row["versions"], **row.get("hardware", {})} for name, row in made.items()}
    keys = dict.fromkeys(key for column in columns.values() for key in column)
    rows = [[key, *(plain(column.get(key, "")) for column in columns.values())] for key in keys]
    return Table("Versions and hardware", ["", *columns], rows)


def facts(material: Material) -> dict[str, str]:
    """What the first screen says of the network and its training."""
    record, config = material.record or {}, material.network
    about: dict[str, str] = {}
    if config is not None:
        about["parameters"] = f"{families.parameters(config):,}"
        about["multiply-accumulates"] = f"{families.macs(config):,}"
    elif material.evaluation is not None:
        subject = material.evaluation["subject"]
        pairs = (("parameters", "parameters"), ("macs", "multiply-accumulates"))
        about = {title: f"{subject[key]:,}" for key, title in pairs if subject.get(key)}
    if material.recipe is not None:
        delivered = record.get("delivered_epoch", material.recipe.epochs)
        of = "" if delivered == material.recipe.epochs else f", delivered is number {delivered}"
        about["epochs"] = f"{material.recipe.epochs}{of}"
        about["seed"] = str(material.recipe.seed)
    if record.get("seconds"):
        about["training"] = duration(record["seconds"])
    if "hardware" in record:
        about["on"] = record["hardware"]["cpu"]
    return about
