"""The results of experiments: `results.csv`, `claims.csv`, and both for people in `README.md`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_resnet import families
from keras_resnet.utils.atomic import replacing
from train.experiments.claims import CLAIMS, PUBLISHED, PUBLISHED_FOR, TEST, TRAIN
from train.experiments.plans import EXPERIMENTS, PAPER_IN_FULL
from train.experiments.verdicts import Verdict, judge
from train.settings.recipe import Recipe
from train.utils.table import write_csv

RESULTS, VERDICTS, PAGE = "results.csv", "claims.csv", "README.md"


class Row(NamedTuple):
    """A network of an experiment, over its seeds."""

    experiment: str
    label: str
    records: Sequence[Mapping[str, Any]]  # of its finished runs
    failed: int = 0  # runs that came to no end
    folders: Sequence[Path] = ()  # of the finished ones

    def errors(self, measure: str) -> list[float]:
        """In percent, one for each seed."""
        read = {
            TRAIN: lambda record: record["last_epoch"]["accuracy"],
            TEST: lambda record: record["test"]["keras"]["accuracy"],
        }[measure]
        return [100 * (1 - read(record)) for record in self.records]

    @property
    def network(self) -> Any:
        """The network, as it was trained; None where no run is finished."""
        return families.from_json(self.records[0]["network"]) if self.records else None

    @property
    def published(self) -> str:
        """The papers' test error, empty where there is none on the data of the runs."""
        if {record["data"]["name"] for record in self.records} - {PUBLISHED_FOR}:
            return ""
        return PUBLISHED.get(self.experiment, {}).get(self.label, "")

    def cells(self) -> dict[str, Any]:
        """The columns of `results.csv`."""
        network = self.network
        cells: dict[str, Any] = {"experiment": self.experiment, "network": self.label}
        cells |= {"parameters": network and families.parameters(network)}
        cells |= {"macs": network and families.macs(network)}
        for name, measure in (("train_error", TRAIN), ("test_error", TEST)):
            errors = self.errors(measure)
            cells[f"{name}_mean"] = round(float(np.mean(errors)), 3) if errors else None
            cells[f"{name}_std"] = (
                round(float(np.std(errors, ddof=1)), 3) if len(errors) > 1 else None
            )
        cells |= {"n": len(self.records), "failed": self.failed}
        cells |= {"epochs": self.records[0]["recipe"]["epochs"] if self.records else None}
        cells |= {"paper_test_error": self.published}
        cells |= {"in_the_paper": differs(self.records[0]) if self.records else ""}
        cells |= {"seconds": round(sum(record["seconds"] for record in self.records))}
        return cells


# Fields that are no difference of setting: rates are told for each network, and images held out.
OURS = ("learning_rate", "seed", "validation_fraction")


def differs(record: Mapping[str, Any]) -> str:
    """What the first paper did otherwise: `epochs 164, schedule step`; of the network nothing."""
    theirs = {name: value for name, value in asdict(PAPER_IN_FULL).items() if name not in OURS}
    ours = asdict(Recipe()) | record["recipe"]  # older records have fewer fields
    others = [f"{name} {value}" for name, value in theirs.items() if ours[name] != value]
    if record["execution"]["precision"] != "float32":
        others.append("float32")
    return ", ".join(others) or "the same"


def verdicts(name: str, rows: Sequence[Row]) -> list[tuple[Any, Verdict]]:
    """Every claim of an experiment with its verdict, also those that this budget cannot test."""
    errors = {m: {row.label: row.errors(m) for row in rows} for m in (TRAIN, TEST)}
    failed = {row.label: row.failed for row in rows if row.failed}
    there = {row.label for row in rows}
    # Of claims with one text, which are of several budgets, one that this one can test.
    claims = sorted(CLAIMS.get(name, ()), key=lambda claim: set(claim.contrast) <= there)
    chosen = {claim.text: claim for claim in claims}
    order = dict.fromkeys(claim.text for claim in CLAIMS.get(name, ()))
    return [
        (chosen[text], judge(chosen[text], errors[chosen[text].measure], failed)) for text in order
    ]


def write(folder: Path, rows: Sequence[Row], facts: str, more: Sequence[str] = ()) -> None:
    """Writes both tables and the page.

    Args:
        folder: Of the experiments.
        rows: Of all of them.
        facts: What holds for all: recipe, data, machine, as Markdown.
        more: Sections that follow those of the experiments, as Markdown.
    """
    write_csv(folder / RESULTS, [row.cells() for row in rows])
    names = list(dict.fromkeys(row.experiment for row in rows))
    judged = {name: verdicts(name, [r for r in rows if r.experiment == name]) for name in names}
    write_csv(folder / VERDICTS, [_claim_cells(n, *pair) for n in names for pair in judged[n]])
    parts = [f"# The papers' experiments, repeated\n\n{facts}"]
    for name in names:
        own = [row for row in rows if row.experiment == name]
        parts.append(_section(name, own, judged[name]))
    parts += more
    with replacing(folder / PAGE) as partial:
        partial.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _section(name: str, rows: Sequence[Row], judged: Sequence[tuple[Any, Verdict]]) -> str:
    experiment = EXPERIMENTS[name]
    lines = [f"## {experiment.title}", "", f"After {experiment.source}.", ""]
    lines += [f"![Training and test error of each network by epoch]({name}.png)", ""]
    lines += [
        "| network | parameters | training error, % | test error, % | paper, % | n | epochs |"
    ]
    lines += ["|---|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        cells = row.cells()
        errors = " | ".join(text(row.errors(measure), row.failed) for measure in (TRAIN, TEST))
        parameters = f"{cells['parameters']:,}" if cells["parameters"] else ""
        lines += [
            f"| {row.label} | {parameters} | {errors} | {cells['paper_test_error']} "
            f"| {cells['n']} | {cells['epochs'] or ''} |"
        ]
    if judged:
        lines += ["", "| claim | paper, % | ours: difference and 95 % interval, points | verdict |"]
        lines += ["|---|---|---|---|"]
    for claim, verdict in judged:
        setting = f"; {claim.setting}" if claim.setting else ""
        said = f"**{verdict.verdict}**" + (f": {verdict.why}" if verdict.why else "")
        lines += [
            f"| {claim.text} ({claim.measure}) | {claim.paper} ({claim.source}{setting}) "
            f"| {difference(verdict)} | {said} |"
        ]
    return "\n".join(lines)


def text(errors: Sequence[float], failed: int = 0) -> str:
    """Mean ± sample standard deviation, and how many seeds have no error."""
    if not errors:
        return f"{failed} failed" if failed else "not trained"
    spread = f" ± {np.std(errors, ddof=1):.2f}" if len(errors) > 1 else ""
    return f"{np.mean(errors):.2f}{spread}" + (f", {failed} more failed" if failed else "")


def difference(verdict: Verdict) -> str:
    """A difference with its interval."""
    if verdict.difference is None:
        return ""
    if verdict.low is None:
        return f"{verdict.difference:+.2f}"
    return f"{verdict.difference:+.2f} ({verdict.low:+.2f} to {verdict.high:+.2f})"


def _claim_cells(name: str, claim, verdict: Verdict) -> dict[str, Any]:
    return {
        "experiment": name, "claim": claim.text, "measure": claim.measure, "source": claim.source,
        "paper": claim.paper, "difference": verdict.difference, "low": verdict.low,
        "high": verdict.high, "verdict": verdict.verdict, "why": verdict.why,
        "differs": claim.setting,
    }  # fmt: skip
