"""Runs side by side: results, the settings that differ, and curves over each other."""

from keras_resnet import families
from train.evaluation import figures
from train.evaluation.blocks import Block, Chart, Charts, Table, Text
from train.evaluation.material import Material
from train.evaluation.words import bounds, duration, flat, percent, plain

SETTINGS = ("network", "recipe", "execution", "data", "normalization", "versions", "hardware")
CURVES = {
    "Loss": ("loss", ""),
    "Accuracy of augmented training images": ("accuracy", "percent"),
    "Loss of held-out images": ("val_loss", ""),
    "Accuracy of held-out images": ("val_accuracy", "percent"),
}


def results(material: Material) -> list[Block]:
    """The result of each."""
    runs = material.runs
    if not runs:
        return []
    rows = [[name, *_result(run)] for name, run in named(material).items()]
    head = [
        "network", "top-1", "95 % interval", "parameters", "multiply-accumulates", "training",
    ]  # fmt: skip
    return [Table("Results on the same images", head, rows)]


def named(material: Material) -> dict[str, Material]:
    """The runs by a letter and their name: several may have the same."""
    letters = (f"{chr(ord('A') + i % 26)}{i // 26 or ''}" for i in range(len(material.runs)))
    pairs = zip(letters, material.runs, strict=True)
    return {f"{letter}: {run.folder.name or run.name}": run for letter, run in pairs}


def _result(run: Material) -> list[str]:
    if run.evaluation is not None:
        top1 = run.evaluation["top1"]
        shown = [percent(top1["value"]), bounds(top1)]
    else:
        test = (run.record or {}).get("test", {})
        shown = [percent(test["keras"]["accuracy"]) if "keras" in test else "-", "-"]
    config, seconds = run.network, (run.record or {}).get("seconds")
    costs = [families.parameters(config), families.macs(config)] if config is not None else []
    written = [f"{cost:,}" for cost in costs] or ["-", "-"]
    return [*shown, *written, duration(seconds) if seconds else "-"]


def differences(material: Material) -> list[Block]:
    """The settings in which runs differ, and no others."""
    runs = named(material)
    if not runs:
        return []
    columns = [dict(flat({key: (run.record or {}).get(key, {}) for key in SETTINGS}))
               for run in runs.values()]  # fmt: skip
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = [[key, *(plain(column.get(key, "")) for column in columns)] for key in keys]
    rows = [row for row in rows if len(set(row[1:])) > 1]
    if not rows:
        return [Text(["The records differ in no setting."])]
    return [Table("Settings that differ", ["setting", *runs], rows)]


def curves(material: Material) -> list[Block]:
    """The curves of all runs over each other."""
    charts = []
    for title, (column, kind) in CURVES.items():
        series = {
            name: [(row["epoch"], row[column]) for row in run.history if column in row]
            for name, run in named(material).items()
        }
        drawn = {
            name: ([x for x, _ in points], [y for _, y in points])
            for name, points in series.items()
            if points
        }
        left_out = max(0, len(drawn) - figures.MOST_LINES)
        drawn = dict(list(drawn.items())[: figures.MOST_LINES])
        if drawn:
            write = percent if kind else plain
            ends = ", ".join(f"{name} {write(values[-1])}" for name, (_, values) in drawn.items())
            letters = {name.split(":")[0]: points for name, points in drawn.items()}
            more = f"; {left_out} more are not drawn" if left_out else ""
            alt = f"{title}, at last: {ends}"
            drawing = figures.lines(letters, ("epoch", column), alt, kind)
            charts.append(Chart(title, drawing, f"At last: {ends}{more}"))
    return [Charts(charts)] if charts else []
