"""Analyses trained networks as the papers and their readers did: responses, gradients, lesions...

`python -m train.analyze --run=saved_models/NAME`, or several runs with commas between, to see
them side by side: a plain network and a residual one, say.
"""

import time
from pathlib import Path
from typing import Any

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import paths
from train import flags
from train.analysis.analyses import ALL, ANALYSES, AnalysisSettings, method
from train.runs.files import ANALYSIS
from train.settings.data import FRAMING_FIELDS, DataSettings

OUTPUT = "saved_models/analysis"
COMMAND = flags.Command("train.analyze", __doc__)
COMMAND.add(str, "run", None, "run folders, with commas between", text=paths)
COMMAND.add(str, "what", ALL, f"with commas between: {', '.join(ANALYSES)}; or {ALL}")
COMMAND.add_fields(AnalysisSettings)
COMMAND.add_fields(DataSettings, without=FRAMING_FIELDS)
COMMAND.add(
    str, "output_dir", None, f"folder that is written (default: RUN/{ANALYSIS}, or {OUTPUT})",
    **flags.PATH,
)  # fmt: skip


def run(**settings: Any) -> dict[str, Any]:
    """Analyses networks, as the command does.

    Args:
        **settings: The flags of the command, by name.

    Returns:
        The record, as in `analysis.json`.

    Raises:
        InputError: if a run or its images cannot be read, or an analysis means nothing for it.
    """
    return COMMAND.run(main, settings)


def main(values: flags.Values) -> dict[str, Any]:
    """Analyses, prints, and writes tables, pictures and a record."""
    from train.backend import backend

    backend()  # before anything else imports Keras, as it is quiet
    from train.analysis import record as records
    from train.analysis.subject import open_subjects, sample
    from train.runs import folder as folders
    from train.runs.recorded_data import recorded_data
    from train.utils.quiet import quiet

    values.refuse_arguments()
    if not values.run:
        raise InputError("say which runs: --run=saved_models/NAME, or several with commas between.")
    names, every = _names(values.what)
    settings = AnalysisSettings(**values.given(AnalysisSettings))
    paths = [Path(path) for path in values.run.split(",")]
    with quiet():
        subjects = open_subjects(paths)
    shape = subjects[0].network.input_shape
    data = recorded_data(subjects[0].run, shape, **values.given(DataSettings))
    folder = _folder(values, paths)
    plan = _plan(names, subjects, settings, every)
    _predict(plan, subjects, settings)
    record = records.describe(subjects)
    with folders.claim_folder(folder):
        record["analyses"] = records.known(folder, record)
        for name, chosen in plan.items():
            begun = time.monotonic()
            taken = sample(getattr(data, ANALYSES[name].split), _images(name, settings))
            with quiet():
                found = [(each, method(name).measure(each, taken, settings)) for each in chosen]
            seconds = time.monotonic() - begun
            about = {
                "command": _command(values), "images": len(taken.labels), "seed": settings.seed,
                "seconds": seconds,
            }  # fmt: skip
            records.write(folder, name, found, record, about)
            print(f"{folder / name}.svg: {ANALYSES[name].title}, {seconds:.0f} s", flush=True)
    print(f"Pictures, tables and {records.RECORD}: {folder}")
    return record


def _names(what: str) -> tuple[list[str], bool]:
    """The analyses that are asked for, in the order of the table; and whether that is all."""
    asked = flags.chosen(what, (*ANALYSES, ALL), "analysis")
    return [name for name in ANALYSES if ALL in asked or name in asked], ALL in asked


def _folder(values: flags.Values, paths: list[Path]) -> Path:
    """The folder that is written."""
    if values.output_dir:
        return Path(values.output_dir)
    return paths[0] / ANALYSIS if len(paths) == 1 else Path(OUTPUT)


def _images(name: str, settings: AnalysisSettings) -> int:
    """How many images an analysis looks at, if there are so many."""
    return settings.images or ANALYSES[name].images


def _plan(
    names: list[str], subjects: list[Any], settings: AnalysisSettings, every: bool
) -> dict[str, list[Any]]:
    """The networks of each analysis; if all were asked for, it leaves out what means nothing."""
    from train.analysis.subject import NotApplicable

    plan: dict[str, list[Any]] = {}
    for name in names:
        for subject in subjects:
            try:
                method(name).passes(subject, settings)
            except NotApplicable as error:
                if not every:
                    raise
                print(f"{name}: left out: {error}")
            else:
                plan.setdefault(name, []).append(subject)
    return plan


def _predict(plan: dict[str, list[Any]], subjects: list[Any], settings: AnalysisSettings) -> None:
    """Says how long it will take, by the time of one batch."""
    import numpy as np

    from train.analysis.forward import BATCH
    from train.utils.quiet import quiet

    seconds = {}
    batch = np.zeros((BATCH, *subjects[0].network.input_shape), np.float32)
    for subject in subjects:
        times = [time.monotonic()]
        for _ in range(2):  # the first time makes the program
            with quiet():
                subject.model.predict_on_batch(batch)
            times.append(time.monotonic())
        seconds[subject.name] = times[1] - times[0], (times[2] - times[1]) / BATCH
    for name, chosen in plan.items():
        whole = 0.0
        for subject in chosen:
            once, image = seconds[subject.name]
            passes = method(name).passes(subject, settings)
            whole += once + image * passes * _images(name, settings)
        print(f"{name}: about {max(whole, 1):.0f} s", flush=True)


def _command(values: flags.Values) -> str:
    """What repeats it, but for the folder that is written."""
    names = [name for name in values.names if name != "output_dir"]
    return f"python -m train.analyze{values.as_flags(*names)}"


if __name__ == "__main__":
    COMMAND.start(main)
