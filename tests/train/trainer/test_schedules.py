from dataclasses import replace

import pytest

from train.settings.recipe import SCHEDULES as NAMES
from train.settings.recipe import Recipe
from train.trainer import schedules
from train.trainer.schedules import SCHEDULES


def rates(recipe, steps):
    schedule = SCHEDULES[recipe.schedule](recipe, steps)
    return [float(schedule(step)) for step in range(steps + 1)]


def test_one_cycle_rises_to_the_peak_and_falls_to_zero():
    cycle = rates(Recipe(schedule="one_cycle", learning_rate=0.4, warmup=0.25), 100)
    assert cycle[0] == 0
    assert cycle[25] == pytest.approx(0.4) == max(cycle)
    assert cycle[10] == pytest.approx(0.16)
    assert cycle[25 + 37] > 0.2 > cycle[25 + 38]
    assert cycle[100] == pytest.approx(0, abs=1e-7)


def test_one_cycle_without_warmup_starts_at_the_peak():
    cycle = rates(Recipe(schedule="one_cycle", learning_rate=0.4), 10)
    assert cycle[0] == pytest.approx(0.4)
    assert cycle == sorted(cycle, reverse=True)


def test_one_cycle_of_a_single_step():
    assert rates(Recipe(schedule="one_cycle", warmup=0.9), 1)[0] == pytest.approx(0.1)


def test_step_divides_by_ten_at_half_and_three_quarters():
    recipe = replace(Recipe(schedule="step", learning_rate=0.1))
    staircase = rates(recipe, 64)
    assert staircase[:33] == pytest.approx([0.1] * 33)
    assert staircase[33:49] == pytest.approx([0.01] * 16)
    assert staircase[49:] == pytest.approx([0.001] * 16)


def test_step_warms_up_at_a_tenth():
    staircase = rates(Recipe(schedule="step", learning_rate=0.1, warmup=0.125), 64)
    assert staircase[:9] == pytest.approx([0.01] * 9)
    assert staircase[9:33] == pytest.approx([0.1] * 24)
    assert staircase[49:] == pytest.approx([0.001] * 16)


def test_every_named_schedule_has_its_function():
    assert schedules.SCHEDULES.keys() == NAMES.keys()


def test_thirds_are_divided_after_a_third_and_two():
    found = rates(Recipe(schedule="step_thirds", learning_rate=0.1), 90)
    assert found == pytest.approx([0.1] * 31 + [0.01] * 30 + [0.001] * 30)
