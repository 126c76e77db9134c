"""Searches the best network for a budget: `python -m train.tune --max_int8_bytes=100000`.

Every trial is a training as by `train.cifar`, judged by validation images; test images are never
looked at. Leaves the Pareto front of accuracy and costs as `leaderboard.csv` and `pareto.png`, and
the best network as `best.json`, which `train.cifar --spec=` trains in full.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from time import perf_counter

import grpc
from keras_tuner.errors import FatalError

from keras_resnet import macs
from keras_resnet.errors import InputError, lookup
from train import (
    devices,
    distillation,
    engine,
    flags,
    front,
    oracles,
    results,
    run,
    search,
    sources,
    space,
    workers,
)
from train.budget import Budget, Meter
from train.data import hold_out
from train.forecast import Forecast, Point, forecast
from train.line import in_words
from train.recipe import Recipe
from train.trial import Bench

FLAGS = flags.FLAGS
MEASURED = "costs.json"
SAMPLE = 64  # random points by which a search is judged beforehand
flags.share("model", "recipe", "dataset", "data_dir")
flags.DEFINE_integer("image_size", None, "side to scale images to.", lower_bound=1)
flags.DEFINE_string("output_dir", "saved_models/tune", "folder of the search.")
flags.DEFINE_string("tuner", "hyperband", f"how to choose: {', '.join(oracles.TUNERS)}.")
flags.DEFINE_integer("max_trials", 30, "trials of the search; Hyperband may need less.")
flags.DEFINE_float(
    "checkpoint_seconds", engine.CHECKPOINT_SECONDS, "most work to lose if killed.", lower_bound=0
)
flags.define(Budget)
flags.define(devices.Execution)
flags.define(Recipe, without=[field.name for field in space.searchable()])
for field in space.searchable():
    default = space.SEARCHED.get(field.name)
    text = f"{field.metadata['help']}: one value, values with commas between, or low:high."
    flags.DEFINE_string(field.name, default, text)


def main(arguments: list[str]) -> None:
    """Checks what was asked, searches, and says what was found."""
    if arguments:
        raise InputError(f"unexpected {arguments[0]!r}: write flags as --name=value.")
    lookup(oracles.TUNERS, FLAGS.tuner, "tuner")
    if FLAGS.max_trials < 1:
        raise InputError(f"max_trials must be at least 1; got {FLAGS.max_trials}.")
    _, spec, recipe = flags.base()
    given = flags.given(Recipe)
    recipe = replace(recipe, **{name: given[name] for name in space.FIXED if name in given})
    texts = {
        field.name: FLAGS[field.name].value
        for field in space.searchable()
        if FLAGS[field.name].value is not None
    }
    searched = space.parse(spec, recipe, texts)
    seen = {row.field for row in searched.searched} & {*distillation.HEARD}
    if recipe.teacher and seen:
        raise InputError(f"a teacher sees the same images in all trials: pin --{min(seen)}.")
    budget = Budget(**flags.given(Budget))
    execution = devices.Execution(**flags.given(devices.Execution))
    devices.choose(execution.devices)  # before anything starts TensorFlow
    data = sources.load(FLAGS.dataset, FLAGS.data_dir, FLAGS.image_size, spec.input_shape[0])
    if not len(hold_out(data.train, recipe.validation_fraction)[1].labels):
        raise InputError(
            f"{len(data.train.labels)} training images of {data.name} leave none to judge trials "
            "by: raise --validation_fraction."
        )
    folder, role = Path(FLAGS.output_dir), workers.role()
    card = results.card({"model": "best", "dataset": {"name": data.name}}, data.classes)
    meter = Meter(budget, card, folder / MEASURED, role == workers.WORKER, recipe.center)
    bench = Bench(folder, data, execution, meter, FLAGS.checkpoint_seconds)
    distillation.check(recipe, replace(spec, input_shape=data.shape), data.classes, folder)
    job = search.Job(bench, searched, FLAGS.tuner, FLAGS.max_trials, budget)
    if role == workers.WORKER:
        search.join(job)
        _search(job)
        return
    meter.check_rival()
    with run.writing(folder):
        points = sample(job)
        search.begin(job)
        _search(job, points)
        search.conclude(
            job, front.rows(folder), _again("dataset", "data_dir"), _again("image_size")
        )


def _search(job: search.Job, points: Sequence[Point] = ()) -> None:
    """Runs KerasTuner's loop, and says in words what ends it early."""
    if search.ended(job):  # no chief answers any more, no worker comes, nothing is new
        return
    oracle = oracles.choose(job.tuner, job.space, job.fits, job.max_trials)
    tuner = search.Search(oracle, job)
    if tuner.role != workers.WORKER:
        job.to_come = oracles.to_come(oracle, job.space)
        if not job.to_come:  # killed before it could say so
            search.end(job)
            return
    predicted = predict(job, points) if tuner.role == workers.ALONE else 0.0
    begin = job.since = perf_counter()
    try:
        tuner.search(verbose=0)
    except FatalError as error:
        raise InputError(str(error)) from error
    except grpc.RpcError as error:
        raise InputError(workers.lost(error)) from error
    except RuntimeError as error:
        if tuner.role == workers.CHIEF and "bind" in str(error):
            raise InputError(
                f"the chief cannot listen at {workers.address()}: choose another port."
            ) from error
        raise
    if tuner.role != workers.WORKER:
        search.end(job)
    if predicted:
        took = in_words(perf_counter() - begin)
        print(f"It took {took}; predicted were {in_words(predicted)}.")


def _again(*names: str) -> str:
    """Flags as they were given."""
    values = {name: FLAGS[name].value for name in names if FLAGS[name].value is not None}
    return "".join(f" --{name}={shlex.quote(str(value))}" for name, value in values.items())


def predict(job: search.Job, points: Sequence[Point]) -> float:
    """Says about how long the rest of a search will take, in seconds.

    Args:
        job: The search, some of whose trials are to come.
        points: A sample of its space.
    """
    path, bench = job.bench.folder / search.FORECAST, job.bench
    if job.space.recipe.teacher:
        _ask(job, points)
    try:
        job.forecast = Forecast(**run.read_json(path))
    except (FileNotFoundError, InputError, TypeError):  # none that this version can read
        print(f"Timing two networks of the space, of {len(points)} drawn.", flush=True)
        job.forecast = forecast(points, bench.data, bench.execution, bench.meter.all)
        run.write_json(path, asdict(job.forecast))
    seconds = job.forecast.total(job.to_come)
    ends = dict.fromkeys((min(job.to_come), max(job.to_come)))
    print(
        f"About {in_words(seconds)} for {len(job.to_come)} trials of "
        f"{' to '.join(map(str, ends))} epochs: {job.forecast}.",
        flush=True,
    )
    return seconds


def _ask(job: search.Job, points: Sequence[Point]) -> None:
    """Has the teachers look before a clock runs."""
    for point in points:
        try:
            training = engine.prepare(*point, job.bench.data, job.bench.execution)
        except InputError:  # which a trial, or the forecast, will say
            continue
        job.bench.ask(training)
        return


def sample(job: search.Job) -> list[Point]:
    """Some networks and recipes of the space that are within the budget, as far as formulas say.

    Raises:
        InputError: if there are none.
    """
    fitting = _draw(job, job.fits)
    if not fitting:
        smallest = min(
            (spec for spec, _ in _draw(job, lambda values, _: not job.impossible(values))),
            key=macs,
            default=None,
        )
        if smallest is None:
            values = next(_draws(job, lambda *_: True))
            raise InputError(f"nothing in the space can be trained: {job.impossible(values)}")
        raise InputError(
            f"of {oracles.DRAWS} networks drawn none is within the budget; a small one has "
            f"{job.bench.meter.excess(smallest)}: raise the limit, or widen the ranges."
        )
    return fitting


def _draw(job: search.Job, fits: oracles.Fits) -> list[Point]:
    return [job.point(values) for values in islice(_draws(job, fits), SAMPLE)]


def _draws(job: search.Job, fits: oracles.Fits) -> Iterator[oracles.Values]:
    return oracles.choose("random", job.space, fits, job.max_trials).draws()


if __name__ == "__main__":
    flags.start(main)
