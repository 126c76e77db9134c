"""`report.html`: one page that a person reads, with everything in it; nothing is fetched."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from keras_resnet.utils.atomic import replacing
from train.evaluation.blocks import Block, Command
from train.evaluation.material import Material, Record, read_material
from train.evaluation.repeat import training_command
from train.evaluation.scores import interval
from train.evaluation.sections import comparison, data, limits, scores, search, training
from train.evaluation.words import SPACE, bounds, percent
from train.runs.files import PAGE

TEMPLATES = Path(__file__).parent / "templates"
SCRIPT = (TEMPLATES / "copy.js").read_text(encoding="utf-8")
# Nothing may be loaded or run but the one script, known by its hash, and pictures in the page.
HASH = b64encode(sha256(SCRIPT.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; script-src 'sha256-{HASH}'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


class Section(NamedTuple):
    """A part of a page; without blocks it is left out."""

    name: str  # in the address
    title: str
    blocks: Callable[[Material], Sequence[Block]]


SECTIONS = (
    Section("results", "Results", comparison.results),
    Section("differences", "What differs", comparison.differences),
    Section("compared-curves", "Curves over each other", comparison.curves),
    Section("fronts", "Accuracy and costs", search.fronts),
    Section("leaderboard", "Leaderboard", search.leaderboard),
    Section("asked", "What was searched", search.asked),
    Section("scores", "Test results", scores.scores),
    Section("curves", "Training", training.curves),
    Section("confusion", "Confusions", scores.confusion),
    Section("surest", "Surest answers", scores.surest),
    Section("calibration", "Calibration", scores.calibration),
    Section("coverage", "Coverage", scores.coverage),
    Section("classes", "Classes", scores.per_class),
    Section("views", "Views", scores.views),
    Section("members", "Members", scores.members),
    Section("data", "Data", data.data_card),
    Section("network", "Network", training.network),
    Section("exports", "Exports", training.exports),
    Section("origin", "Versions and fingerprints", training.origin),
    Section("limits", "Limits", limits.limits),
)


class Summary(NamedTuple):
    """The first screen."""

    title: str
    subtitle: str
    result: str  # a number, large
    meaning: str  # of that number
    interval: str
    notes: Sequence[str]
    commands: Sequence[Command]
    facts: dict[str, str]


def summary(material: Material) -> Summary:
    """What was trained on what, how good it is, and how to do it again."""
    kinds: tuple[tuple[Any, Callable[[Material], Summary]], ...] = (
        (material.runs, _comparison_summary),
        (material.trials, _search_summary),
        (True, _network_summary),
    )
    return next(make(material) for holds, make in kinds if holds)


def _network_summary(material: Material) -> Summary:
    evaluation, record = material.evaluation, material.record
    top1, images = _top1(material)
    result, meaning, between = "", "There is no score on test images.", ""
    if top1 is not None:
        result = percent(top1["value"])
        meaning = f"of {images:,} test images are right" if images else "of the test images"
        between = f"95{SPACE}% interval: {bounds(top1)}" if "low" in top1 else ""
    name = (evaluation or record or {}).get("data", {}).get("name", "")
    repeat = training_command(record, material.folder) if record is not None else None
    lines = {"Train it again": repeat, "Evaluate it again": (evaluation or {}).get("command")}
    return Summary(
        title=f"{material.name} on {name}" if name else material.name,
        subtitle=material.folder.name,
        result=result,
        meaning=meaning,
        interval=between,
        notes=[limits.ONE] if record is not None else [],
        commands=[Command(title, line.split(" ")) for title, line in lines.items() if line],
        facts=training.facts(material),
    )


def _top1(material: Material) -> tuple[Record | None, int]:
    """Top-1 accuracy, with its interval if it is known of how many images, and their number."""
    if material.evaluation is not None:
        return material.evaluation["top1"], material.evaluation["data"]["images"]
    test = (material.record or {}).get("test", {})
    if "keras" not in test:
        return None, 0
    value = test["keras"]["accuracy"]
    if material.data is None:
        return {"value": value}, 0
    count = len(material.data.test)
    return interval(round(value * count), count), count


def _search_summary(material: Material) -> Summary:
    finished = [row for row in material.trials if search.ACCURACY in row]
    best = finished[0] if finished else None
    data_name = (material.search or {}).get("data", {}).get("name", "held-out images")
    facts = {"trials": str(len(material.trials)), "finished": str(len(finished))}
    if best is not None:
        costs = {title: search.number(best[key]) for key, title in material.costs.items()
                 if key in best}  # fmt: skip
        facts |= {"best trial": str(best["trial"]), **costs}
    return Summary(
        title=f"Search on {data_name}",
        subtitle=material.folder.name,
        result=percent(best[search.ACCURACY]) if best is not None else "",
        meaning="of the held-out training images, by the best trial" if best is not None else "",
        interval="",
        notes=["The best of many trials looks better than it is: see the limits below."],
        commands=[Command("Train the best in full", material.command.split(" "))]
        * bool(material.command),
        facts=facts,
    )


def _comparison_summary(material: Material) -> Summary:
    names = [run.folder.name or run.name for run in material.runs]
    lines = [(run.evaluation or {}).get("command") for run in material.runs]
    commands = [Command("Compare again", line.split(" ")) for line in lines if line]
    what = " and ".join(names) if len(names) < 4 else f"{len(names)} networks"
    return Summary(
        title=f"Comparison of {what}",
        subtitle=material.folder.name,
        result="",
        meaning="",
        interval="",
        notes=material.verdicts,
        commands=commands[:1],
        facts={},
    )


def render(material: Material) -> str:
    """The page as HTML."""
    # Autoescape: names of classes, files and folders are anybody's.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    made = ((section, section.blocks(material)) for section in SECTIONS)
    return environment.get_template("page.html.j2").render(
        summary=summary(material),
        sections=[(section, blocks) for section, blocks in made if blocks],
        policy=POLICY,
        script=Markup(SCRIPT),
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
    )


def write_report(folder: Path, evaluation: Record | None = None, **more: Any) -> Path:
    """Writes `report.html` of a run, an export, an evaluated file, a comparison or a search.

    Args:
        folder: Where it goes; what `run.json`, `history.csv` and `export.json` there say is in it.
        evaluation: See `record.EvaluationRecord`.
        **more: Other fields of `Material`: `data`, `runs` and `verdicts`, `trials` and `costs`...

    Returns:
        The path of the page.

    Raises:
        InputError: if a file in the folder is damaged.
    """
    page = render(read_material(folder, evaluation=evaluation, **more))
    with replacing(folder / PAGE) as partial:
        partial.write_text(page, encoding="utf-8")
    return folder / PAGE


def compared(evaluations: Sequence[Record]) -> list[Material]:
    """What is known of evaluated networks, for `runs` of `write_report`."""
    subjects = [(one["subject"], one) for one in evaluations]
    return [
        read_material(Path(subject["path"]), evaluation=evaluation)
        if subject["kind"] == "run"
        else Material(Path(subject["name"]), evaluation=evaluation)
        for subject, evaluation in subjects
    ]
