"""Searches the best network for a budget: `python -m train.tune --max_int8_bytes=100000`.

Every trial is a training as by `train.cifar`, judged by validation images; test images are never
looked at. Leaves the Pareto front of accuracy and costs as `leaderboard.csv` and `pareto.png`, and
the best network as `best.json`, which `train.cifar --spec=` trains in full.
"""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from train import flags
from train.search import TUNERS, space
from train.search.budget import COSTS, Budget
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.recipe import Recipe

MEASURED = "costs.json"
COMMAND = flags.Command("train.tune", __doc__)
COMMAND.share("model", "recipe")
COMMAND.add_fields(DataSettings)
COMMAND.add(str, "output_dir", "saved_models/tune", "folder of the search", **flags.PATH)
COMMAND.add(str, "tuner", "hyperband", f"how to choose: {', '.join(TUNERS)}", choices=TUNERS)
COMMAND.add(int, "max_trials", 30, "trials of the search; Hyperband may need less", low=1)
COMMAND.share("checkpoint_seconds")
COMMAND.add_fields(Budget)
COMMAND.add_fields(Execution)
COMMAND.add_fields(Recipe, without=[field.name for field in space.searchable()])
for field in space.searchable():
    default = space.SEARCHED.get(field.name)
    text = f"{field.metadata['help']}: one value, values with commas between, or low:high"
    COMMAND.add(str, field.name, default, text)


def run(**settings: Any) -> None:
    """Searches, as the command does.

    Args:
        **settings: The flags of the command, by name: `max_trials=10`, `blocks="1:3"`...

    Raises:
        InputError: for impossible settings, or if no trial was finished.
    """
    COMMAND.run(main, settings)


def main(values: flags.Values) -> None:
    """Checks what was asked, searches, and says what was found."""
    from train.backend import backend

    backend()  # before anything else imports Keras, as it is quiet
    from train.evaluation.attempt import try_report
    from train.runs.folder import check_folder, claim_folder
    from train.search import folder as search_folder
    from train.search import leaderboard, loop, workers
    from train.search.pareto_plot import published

    values.refuse_arguments()
    role = workers.role()
    if role == workers.CHIEF:
        workers.check_port()
    is_worker = role == workers.WORKER
    job = _job(values, is_worker)
    folder, meter, budget = job.runner.folder, job.runner.meter, job.budget
    if is_worker:
        search_folder.wait_for_chief(job)
        loop.search(job)
        return
    meter.check_reference()
    check_folder(folder, search_folder.SEARCH)  # before it, so that no lock is left behind
    with claim_folder(folder):
        points = loop.sample(job)
        search_folder.begin_or_resume(job)
        loop.search(job, points)
        table = leaderboard.rows(folder)
        named = values.as_flags(*(field.name for field in fields(DataSettings)))
        search_folder.write_summary(job, table, named)
    print(
        try_report(
            folder,
            trials=table,
            costs={name: cost.title for name, cost in COSTS.items()},
            search=job.description(),
            limits={name: budget.limit(name) for name in budget.limited},
            published=published(meter, job.runner.data.name),
            command=search_folder.next_commands(folder, named)[0],
        )
    )


def _job(values: flags.Values, is_worker: bool) -> Any:
    """The search that was asked for, checked."""
    from train.backend import backend
    from train.compress import distillation
    from train.data import sources
    from train.data.memory import keep_small
    from train.runs.restore import model_card
    from train.search.cost_meter import CostMeter
    from train.search.job import SearchJob
    from train.search.trial import TrialRunner

    name, spec, recipe = flags.base(values)
    if not isinstance(spec, Spec):
        raise InputError(
            f"{name} is no residual network, and only those are searched: give --model=resnet20, "
            "say."
        )
    searched = _searched(values, spec, recipe)
    recipe = searched.recipe
    budget, execution = Budget(**values.given(Budget)), Execution(**values.given(Execution))
    backend().choose(execution.devices)  # before anything starts the devices
    settings = DataSettings(**values.given(DataSettings))
    data = keep_small(sources.load(settings, spec.input_shape[0]))
    if not len(data.hold_out(recipe.validation_fraction)[1]):
        raise InputError(
            f"{len(data.train)} training images of {data.name} leave none to judge trials "
            "by: raise --validation_fraction."
        )
    folder = Path(values.output_dir)
    card = model_card({"model": "best", "data": {"name": data.name}}, data.classes)
    meter = CostMeter(budget, card, folder / MEASURED, is_worker, recipe.subtract_mean)
    runner = TrialRunner(folder, data, execution, meter, values.checkpoint_seconds)
    network = replace(spec, input_shape=data.shape)
    distillation.check_teachers(recipe, network, data.classes, folder)
    return SearchJob(runner, searched, values.tuner, values.max_trials, budget)


def _searched(values: flags.Values, spec: Spec, recipe: Recipe) -> space.Space:
    """What is searched, and what is the same in all trials."""
    from train.compress import distillation

    given = values.given(Recipe)
    fixed = {name: given[name] for name in space.FIXED if name in given}
    texts = {field.name: getattr(values, field.name) for field in space.searchable()}
    said = {name: text for name, text in texts.items() if text is not None}
    searched = space.parse(spec, recipe, said, **fixed)
    seen = {row.field for row in searched.searched} & {*distillation.CACHE_KEY_FIELDS}
    if searched.recipe.teacher and seen:
        raise InputError(f"a teacher sees the same images in all trials: pin --{min(seen)}.")
    return searched


if __name__ == "__main__":
    COMMAND.start(main)
