"""A search from its first forecast to its last trial."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from time import perf_counter

import grpc
from keras_tuner.errors import FatalError

from keras_resnet.spec import macs
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import read, write_json
from train.evaluation.words import roughly
from train.search import folder, oracles, workers
from train.search.forecast import Forecast, Point, forecast
from train.search.job import FORECAST, SearchJob
from train.search.tuner import SearchTuner
from train.trainer import trainer

SAMPLE = 64  # random points by which a search is judged beforehand


def search(job: SearchJob, points: Sequence[Point] = ()) -> None:
    """Runs KerasTuner's loop, and says in words what ends it early."""
    if folder.is_complete(job):  # no chief answers any more, no worker comes, nothing is new
        return
    oracle = oracles.choose(job.tuner, job.space, job.fits, job.max_trials)
    if workers.role() == workers.WORKER:
        workers.say_if_waiting()
    tuner = SearchTuner(oracle, job)
    if tuner.role != workers.WORKER:
        job.remaining_epochs = oracles.remaining_epochs(oracle, job.space)
        if not job.remaining_epochs:  # killed before it could say so
            folder.mark_complete(job)
            return
    predicted = predict(job, points) if tuner.role == workers.ALONE else 0.0
    begin = job.since = perf_counter()
    try:
        tuner.search(verbose=0)
    except FatalError as error:
        raise InputError(str(error)) from error
    except grpc.RpcError as error:
        raise InputError(workers.explain_lost_chief(error)) from error
    except RuntimeError as error:
        if tuner.role == workers.CHIEF and "bind" in str(error):
            raise InputError(
                f"the chief cannot listen at {workers.address()}: choose another port."
            ) from error
        raise
    if tuner.role != workers.WORKER:
        folder.mark_complete(job)
    if predicted:
        took = roughly(perf_counter() - begin)
        print(f"It took {took}; predicted were {roughly(predicted)}.")


def predict(job: SearchJob, points: Sequence[Point]) -> float:
    """Says about how long the rest of a search will take, in seconds.

    Args:
        job: The search, some of whose trials are to come.
        points: A sample of its space.
    """
    path, runner = job.runner.folder / FORECAST, job.runner
    if job.space.recipe.teacher:
        _predict_with_teachers(job, points)
    try:
        job.forecast = read(Forecast, path)
    except (FileNotFoundError, InputError):  # none that this version can read
        print(f"Timing two networks of the space, of {len(points)} drawn.", flush=True)
        job.forecast = forecast(points, runner.data, runner.execution, runner.meter.known)
        write_json(path, asdict(job.forecast))
    seconds = job.forecast.total(job.remaining_epochs)
    ends = dict.fromkeys((min(job.remaining_epochs), max(job.remaining_epochs)))
    print(
        f"About {roughly(seconds)} for {len(job.remaining_epochs)} trials of "
        f"{' to '.join(map(str, ends))} epochs: {job.forecast}.",
        flush=True,
    )
    return seconds


def _predict_with_teachers(job: SearchJob, points: Sequence[Point]) -> None:
    """Has the teachers predict before a clock runs."""
    for point in points:
        try:
            training = trainer.prepare(*point, job.runner.data, job.runner.execution)
        except InputError:  # which a trial, or the forecast, will say
            continue
        job.runner.teacher_targets(training)
        return


def sample(job: SearchJob) -> list[Point]:
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
            f"{job.runner.meter.violated_limit(smallest)}: raise the limit, or widen the ranges."
        )
    return fitting


def _draw(job: SearchJob, fits: oracles.Fits) -> list[Point]:
    return [job.point(values) for values in islice(_draws(job, fits), SAMPLE)]


def _draws(job: SearchJob, fits: oracles.Fits) -> Iterator[oracles.Values]:
    return oracles.choose("random", job.space, fits, job.max_trials).draws()
