"""Evaluates networks: what they get right, how sure they are, and whether one is better.

`python -m train.evaluate saved_models/NAME` or several of: run folders, `.keras` and `.tflite`
files, folders of SavedModels, and named networks with `--weights=cifar10`. Of several it says
whether the data support that one is better, or with --ensemble averages them.
"""

import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import paths
from train import flags
from train.runs.files import EVALUATIONS, RECORD
from train.settings.data import FRAMING_FIELDS, DataSettings

OUTPUT, COMPARISON = "saved_models/evaluation", "comparison.json"
KERAS = "keras"  # a key of `FORMAT_FILES`
VIEWS = {  # what is averaged: the functions are in `evaluation/views.py`
    "one": "the image as it is",
    "mirror": "it and its mirror image",
    "six": "both, and both shifted by a pixel in two ways",
    "ten": "corners and center of a larger image, and their mirror images",
    "scales": "the image in three sizes",
}
EQUAL, FITTED = "equal", "fitted"
MEMBER_WEIGHTS = {
    EQUAL: "all alike",
    FITTED: "for the least cross-entropy of held-out training images",
}
COMMAND = flags.Command("train.evaluate", __doc__)
COMMAND.add(str, "run", None, "run folders, with commas between", text=paths)
COMMAND.add(
    str, "format", KERAS, f"of the runs, what to evaluate: {', '.join(FORMAT_FILES)}",
    choices=FORMAT_FILES,
)  # fmt: skip
COMMAND.add(
    str,
    "weights",
    None,
    "of named networks: cifar10, imagenet, hf://OWNER/NAME, a run folder or a file",
    **flags.PATH,
)
COMMAND.add_fields(DataSettings)
COMMAND.add(
    str, "views", "one", "test-time augmentations, of which the first is scored in full: "
    + "; ".join(f"{name}, {help}" for name, help in VIEWS.items()),
)  # fmt: skip
COMMAND.add(bool, "ensemble", False, "average the networks instead of comparing them")
COMMAND.add(
    str, "member_weights", EQUAL, "what members of an ensemble count: equal, or fitted on held-out "
    "training images", choices=MEMBER_WEIGHTS,
)  # fmt: skip
COMMAND.add(str, "save_ensemble", None, "folder to save the average as one model", **flags.PATH)
COMMAND.add(
    str, "license", "", "for the model card: under which the weights may be used", empty=True
)
COMMAND.add(
    str, "output_dir", None, f"folder that is written (default: RUN/{EVALUATIONS}, or {OUTPUT})",
    **flags.PATH,
)  # fmt: skip


def run(**settings: Any) -> list[dict[str, Any]]:
    """Evaluates networks, as the command does.

    Args:
        **settings: The flags of the command, by name; `arguments` are the positional ones.

    Returns:
        A record of each, as in `evaluation.json`; of an ensemble, a single one.

    Raises:
        InputError: if a network or the images cannot be read, or do not fit together.
    """
    return COMMAND.run(main, settings)


def main(values: flags.Values) -> list[dict[str, Any]]:
    """Evaluates, prints, compares, and writes records, table and model cards."""
    from train.backend import backend

    given = [*(values.run.split(",") if values.run else []), *values.arguments]
    if not given:
        raise InputError("say what to evaluate: saved_models/NAME, a file, or several.")
    names = flags.chosen(values.views, VIEWS, "view")
    backend()  # before anything else imports Keras, as it is quiet
    from train.evaluation import evaluate, saved_ensemble, summary, views
    from train.evaluation.ensemble import Ensemble
    from train.evaluation.opening import open_subject
    from train.evaluation.subject import check
    from train.utils.quiet import quiet

    with quiet():
        networks = _named([open_subject(what, values.format, values.weights) for what in given])
    if values.weights and all(network.kind != "network" for network in networks):
        raise InputError(
            f"--weights is for named networks, and {networks[0].name} has its own: leave it out."
        )
    if values.format != KERAS and all(network.kind != "run" for network in networks):
        raise InputError(
            f"--format is for run folders, and {networks[0].name} has its own: leave it out, or "
            "give the folder."
        )
    averaged = bool(values.ensemble or values.save_ensemble)
    if values.member_weights == FITTED and not averaged:
        raise InputError("--member_weights is for ensembles: add --ensemble, or leave it out.")
    if averaged:
        Ensemble(tuple(networks))  # which refuses a single one
    data = _data(values, networks)
    names = views.check(names, data.mirror, data.name)
    networks = [check(network, data, names) for network in networks]
    whole = Ensemble(tuple(networks)) if averaged else None
    if whole and values.save_ensemble:
        saved_ensemble.check(Path(values.save_ensemble), whole)
    subjects: list[Any] = [whole] if whole else networks
    folder = _folder(values, networks)
    places = _places(folder, subjects)
    records: list[Any] = []
    right: dict[str, Any] = {}
    for subject, place in zip(subjects, places, strict=True):
        with _claim(place):
            fit = values.member_weights == FITTED
            found = evaluate.score(subject, data, place, names, fit)
            record, answers = _write(values, data, found, place, given)
        records.append(record)
        right |= answers
        print(summary.text(record), flush=True)
    with _claim(folder):
        summary.write_results(folder, records, data.shape[0], data.settings.crop_ratio)
        if len(records) > 1:
            _remove_former(folder)
            print(f"\n{summary.table(records)}")
        sentences = _compare(folder, networks, right, whole)
    print(_report(folder, networks, records, sentences, data))
    if values.save_ensemble and isinstance(found.subject, Ensemble):  # its weights may be fitted
        saved_ensemble.save(Path(values.save_ensemble), found.subject, data)
    print(f"Records, results.csv and model card: {folder}")
    return records


def _write(values: flags.Values, data, found, folder: Path, given: list[str]):
    """Writes and returns a record; and by name, which images are classified right."""
    from keras_resnet.utils.schema import write_json
    from train.evaluation import evaluate
    from train.evaluation.model_card import write_model_card
    from train.evaluation.record import EVALUATION

    record = evaluate.describe(data, found, _command(values, given))
    write_json(folder / EVALUATION, record)
    write_model_card(folder, record, values.license)
    test = found.test
    right = {found.subject.name: test.predicted == test.labels}
    for number, member in enumerate(record["members"]):
        right[member["name"]] = test.columns[f"only {number}"] == test.labels
    return record, right


def _command(values: flags.Values, given: list[str]) -> str:
    """What repeats it, but for the folder that is written."""
    names = [name for name in values.names if name not in ("run", "output_dir", "save_ensemble")]
    return f"python -m train.evaluate {shlex.join(given)}{values.as_flags(*names)}"


def _named(networks: list[Any]) -> list[Any]:
    """The networks, with the format or a number in names that are not unique."""
    names: list[str] = []
    for network in networks:
        tried = (network.name, f"{network.name} {network.format}")
        free = (name for name in tried if name not in names)
        names.append(next(free, f"{network.name} {len(names) + 1}"))
    return [replace(network, name=name) for network, name in zip(networks, names, strict=True)]


def _data(values: flags.Values, networks: list[Any]):
    """The images that were asked for, or else those of the first run; framed as that one's are."""
    from train.data import sources
    from train.runs.recorded_data import recorded_data, recorded_settings

    changes = values.given(DataSettings)
    runs = [network for network in networks if network.run]
    if not runs:
        sides = [network.shape[0] for network in networks if network.shape]
        return sources.load(DataSettings(**changes), sides[0] if sides else 32)
    record, shape = runs[0].run, runs[0].shape
    if changes.keys() & {"dataset", *FRAMING_FIELDS}:  # other pixels, which no record knows
        return sources.load(recorded_settings(record, **changes), shape[0])
    return recorded_data(record, shape, **changes)


def _folder(values: flags.Values, networks: list[Any]) -> Path:
    """The folder that is written."""
    if values.output_dir:
        return Path(values.output_dir)
    if len(networks) > 1 or networks[0].kind != "run":
        return Path(OUTPUT)
    folder = Path(networks[0].path) / EVALUATIONS
    return folder if networks[0].format == "keras" else folder / networks[0].format


def _places(folder: Path, subjects: list[Any]) -> list[Path]:
    """The folder of each record, none of which holds files of somebody else."""
    from train.evaluation.model_card import MODEL_CARD
    from train.evaluation.record import EVALUATION
    from train.evaluation.summary import RESULTS

    several = len(subjects) > 1
    places = [folder / each.name.replace("/", "_") if several else folder for each in subjects]
    for place in dict.fromkeys([folder, *places]):
        foreign = [name for name in (MODEL_CARD, RESULTS) if os.path.exists(place / name)]
        ours = [name for name in (EVALUATION, COMPARISON) if os.path.exists(place / name)]
        if os.path.exists(place / RECORD):
            raise InputError(f"{place} is a run folder: choose another --output_dir.")
        if foreign and not ours:
            raise InputError(
                f"{place / foreign[0]} is of no evaluation: choose another --output_dir."
            )
    return places


def _remove_former(folder: Path) -> None:
    """Removes what tells of a single network, from a folder that now compares several."""
    from keras_resnet.utils.atomic import remove
    from train.evaluation.model_card import MODEL_CARD
    from train.evaluation.record import EVALUATION

    for name in (EVALUATION, MODEL_CARD):
        remove(folder / name)


@contextmanager
def _claim(place: Path) -> Iterator[None]:
    """Owns a folder, and the run that it is in, which a training might replace meanwhile."""
    from train.runs.folder import claim_folder

    with ExitStack() as owned:
        for run in [parent for parent in place.parents if (parent / RECORD).exists()][:1]:
            owned.enter_context(claim_folder(run))
        owned.enter_context(claim_folder(place))
        yield


def _report(folder: Path, networks: list[Any], records: list[Any], sentences: list[str], data):
    """Writes the page of a run into its folder, and others beside their records."""
    from train.evaluation.attempt import try_report
    from train.evaluation.report import compared

    if len(records) > 1:
        return try_report(folder, runs=compared(records), verdicts=sentences)
    run = Path(networks[0].path)
    place = run if folder == run / EVALUATIONS else folder
    return try_report(place, evaluation=records[0], data=data)


def _compare(folder: Path, networks: list[Any], right: dict[str, Any], whole: Any) -> list[str]:
    """Says which is better, and of runs that differ in the seed alone how much they vary."""
    from keras_resnet.utils.atomic import remove
    from keras_resnet.utils.schema import write_json
    from train.evaluation.significance import compare, seeds, spread

    names = [network.name for network in networks]
    pairs = list(combinations(names, 2))
    if whole:
        best = max(names, key=lambda name: right[name].mean())
        pairs = [(whole.name, best)]
    verdicts = [compare(pair, (right[pair[0]], right[pair[1]]), len(pairs)) for pair in pairs]
    groups = seeds([network.run for network in networks])
    spreads = [spread([float(right[names[i]].mean()) for i in group]) for group in groups]
    sentences = [*(found.sentence() for found in spreads), *(v.sentence() for v in verdicts)]
    for text in sentences:
        print(text)
    remove(folder / COMPARISON)
    if verdicts:
        content = {
            "comparisons": [
                {**verdict._asdict(), "supported": verdict.supported, "sentence": text}
                for verdict in verdicts
                for text in [verdict.sentence()]
            ],
            "seeds": [found._asdict() for found in spreads],
        }
        write_json(folder / COMPARISON, content)
    return sentences


if __name__ == "__main__":
    COMMAND.start(main)
