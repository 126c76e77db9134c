"""The choice of trials: within the budget, reproducible, and safe to kill."""

import json
from dataclasses import replace

import pytest

from keras_resnet import cifar
from train.search import TUNERS, oracles
from train.search.oracles import choose
from train.search.space import parse
from train.settings.recipes import FAST
from train.trainer.checkpoint import ACCURACY

RECIPE = replace(FAST, epochs=9)
SPACE = parse(
    cifar(8),
    RECIPE,
    {"blocks": "1:6", "shortcut": "A,B", "width_multiplier": "0.5:2", "weight_decay": "1e-4:1e-2"},
)


def fits(values, measure):
    """Few points do."""
    return sum(values[f"blocks_{stage}"] for stage in (1, 2, 3)) <= 6


def make(folder, tuner, within=fits, trials=12):
    oracle = choose(tuner, SPACE, within, trials)
    oracle._set_project_dir(str(folder), "state")
    return oracle


def score(values):
    return -abs(values["width_multiplier"] - 1.1)


def work(oracle, most=99, tuner="tuner0"):
    """Runs trials as a tuner does; what was tried, by identifier."""
    tried = {}
    while len(tried) < most:
        trial = oracle.create_trial(tuner)
        if trial.status == "STOPPED":
            break
        values = dict(trial.hyperparameters.values)
        tried[trial.trial_id] = values
        oracle.update_trial(trial.trial_id, {ACCURACY: score(values)})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return tried


@pytest.mark.parametrize("tuner", TUNERS)
def test_no_trial_breaks_the_budget_and_none_is_tried_twice(tuner, tmp_path):
    tried = work(make(tmp_path, tuner))
    assert len(tried) == 12
    assert all(fits(values, True) for values in tried.values())
    assert len({json.dumps(values, sort_keys=True) for values in tried.values()}) == 12


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_seed_decides(tuner, tmp_path):
    first = work(make(tmp_path / "a", tuner, trials=4))
    assert work(make(tmp_path / "b", tuner, trials=4)) == first
    space = replace(SPACE, recipe=replace(RECIPE, seed=1))
    other = choose(tuner, space, fits, 4)
    other._set_project_dir(str(tmp_path / "c"), "state")
    assert work(other) != first


@pytest.mark.slow
def test_the_gaussian_process_finds_the_better_points(tmp_path):
    tried = list(work(make(tmp_path, "bayesian", trials=30)).values())
    first = 10  # of 30 trials
    by_chance, chosen = tried[:first], tried[first:]
    assert sum(map(score, chosen)) / len(chosen) > sum(map(score, by_chance)) / first


def test_hyperband_trains_the_better_ones_longer(tmp_path):
    oracle = make(tmp_path, "hyperband", trials=99)
    tried = work(oracle)
    epochs = [values["tuner/epochs"] for values in tried.values()]
    assert sorted(epochs) == sorted(make(tmp_path / "b", "hyperband", trials=99).epochs())
    assert oracles.remaining_epochs(oracle, SPACE) == []
    assert set(epochs) == {1, 3, 9}
    again = [values for values in tried.values() if values.get("tuner/trial_id")]
    for values in again:
        before = tried[values["tuner/trial_id"]]
        assert before["width_multiplier"] == values["width_multiplier"]
        assert before["tuner/epochs"] < values["tuner/epochs"]
    assert len(again) == 6


FURTHER = pytest.mark.parametrize(
    "tuner",
    [pytest.param(t, marks=pytest.mark.slow if t == "bayesian" else ()) for t in TUNERS],
)


@FURTHER
def test_a_search_goes_on_as_if_it_had_not_stopped(tuner, tmp_path):
    whole = work(make(tmp_path / "whole", tuner))
    parts = work(make(tmp_path / "parts", tuner), most=5)
    interrupted = make(tmp_path / "parts", tuner)
    interrupted.reload()
    running = interrupted.create_trial("tuner0")  # killed in it
    again = make(tmp_path / "parts", tuner)
    again.reload()
    assert again.create_trial("tuner0").hyperparameters.values == running.hyperparameters.values
    assert parts | work(again) == whole


@FURTHER
def test_a_search_goes_on_with_more_trials(tuner, tmp_path):
    first = work(make(tmp_path / "parts", tuner, trials=6))
    more = make(tmp_path / "parts", tuner)
    more.reload()
    assert {name: trial.hyperparameters.values for name, trial in more.trials.items()} == first
    tried = first | work(more)
    assert len(tried) == 12
    if tuner == "random":  # others choose by how many trials there are
        whole = work(make(tmp_path / "whole", tuner))
        assert [*tried.values()] == [*whole.values()]


@pytest.mark.parametrize("tuner", ["hyperband", pytest.param("random", marks=pytest.mark.slow)])
@pytest.mark.parametrize("damaged", ["oracle.json", "trial_04/trial.json", "trial_05/trial.json"])
@pytest.mark.parametrize("size", [pytest.param(0, marks=pytest.mark.slow), 40])
def test_a_truncated_file_does_not_end_a_search(tuner, damaged, size, tmp_path, capsys):
    whole = work(make(tmp_path / "whole", tuner))
    tried = work(make(tmp_path / "parts", tuner), most=5)
    interrupted = make(tmp_path / "parts", tuner)
    interrupted.reload()
    interrupted.create_trial("tuner0")
    path = tmp_path / "parts" / "state" / damaged
    path.write_text(path.read_text()[:size])
    again = make(tmp_path / "parts", tuner)
    again.reload()
    assert f"{path} is damaged" in capsys.readouterr().out
    tried |= work(again)
    assert tried == whole


def test_without_any_state_no_point_is_tried_again(tmp_path):
    tried = work(make(tmp_path, "random"), most=5)
    for path in (tmp_path / "state").glob("oracle.json*"):
        path.unlink()
    again = make(tmp_path, "random")
    again.reload()
    more = work(again)
    assert len(more) == 7
    assert not [values for values in more.values() if values in tried.values()]


def test_a_trial_that_was_interrupted_twice_survives_a_truncated_file(tmp_path):
    whole = work(make(tmp_path / "whole", "hyperband"))
    tried = work(make(tmp_path / "parts", "hyperband"), most=5)
    for _ in range(2):
        again = make(tmp_path / "parts", "hyperband")
        again.reload()
        again.create_trial("tuner0")
    (tmp_path / "parts" / "state" / "trial_05" / "trial.json").write_text("{")
    again = make(tmp_path / "parts", "hyperband")
    again.reload()
    assert tried | work(again) == whole


def test_what_is_to_come_is_what_has_not_ended(tmp_path):
    oracle = make(tmp_path, "random", trials=2)
    work(oracle, most=1)
    assert oracles.remaining_epochs(oracle, SPACE) == [9]
    oracle.create_trial("tuner0")
    assert oracles.remaining_epochs(oracle, SPACE) == [9]
    work(oracle)
    assert oracles.remaining_epochs(oracle, SPACE) == []
    hyperband = make(tmp_path / "b", "hyperband", trials=99)
    work(hyperband, most=22)
    assert len(oracles.remaining_epochs(hyperband, SPACE)) == 1


def test_hyperband_says_when_a_space_is_too_small_for_it(tmp_path, capsys):
    small = parse(cifar(8), RECIPE, {"blocks": "1,2/1/1", "width_multiplier": "0.5,1"})
    oracle = choose("hyperband", small, lambda *_: True, 99)
    oracle._set_project_dir(str(tmp_path), "state")
    assert len(work(oracle)) == 4
    assert "finds no further one: better ones are not trained for longer" in capsys.readouterr().out


@pytest.mark.parametrize("tuner", TUNERS)
def test_failures_do_not_end_a_search(tuner, tmp_path):
    oracle = make(tmp_path, tuner, trials=6)
    for _ in range(6):
        trial = oracle.create_trial("tuner0")
        trial.status, trial.message = "FAILED", "out of memory"
        oracle.end_trial(trial)
    assert oracle.create_trial("tuner0").status == "STOPPED"
    assert len(oracle.end_order) == 6


def test_nothing_that_fits_ends_a_search(tmp_path, monkeypatch):
    monkeypatch.setattr(oracles, "DRAWS", 200)
    assert work(make(tmp_path / "a", "random", lambda *_: False)) == {}
    measured = []

    def none(values, measure):
        measured.append(measure)
        return not measure

    assert work(make(tmp_path / "b", "random", none)) == {}
    assert sum(measured) == oracles.MEASURED


def test_keras_tuner_still_writes_in_place(tmp_path):
    """Fails when KerasTuner writes whole files: then `Budgeted.save` can go."""
    import inspect

    from keras_tuner.src import utils

    source = inspect.getsource(utils.save_json)
    assert '"w"' in source
    assert "rename" not in source and "replace" not in source
