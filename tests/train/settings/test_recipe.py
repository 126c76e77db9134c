import json
from dataclasses import asdict, fields, replace

import pytest

from keras_resnet import InputError
from train.settings.recipe import Recipe
from train.settings.recipes import RECIPES

pytestmark = pytest.mark.unit


def test_the_paper_trains_for_64k_steps_of_128_images():
    paper = RECIPES["paper"]
    steps = 45_000 // paper.batch_size
    assert 63_500 < paper.epochs * steps < 64_500
    assert (paper.learning_rate, paper.momentum, paper.weight_decay) == (0.1, 0.9, 1e-4)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_recipe_survives_json(recipe):
    assert Recipe(**json.loads(json.dumps(asdict(recipe)))) == recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1; got 0"),
        ({"epochs": 2.5}, "epochs must be a whole number"),
        ({"seed": 2**32}, "seed must be"),
        ({"warmup": 1.0}, "warmup must be a number from 0 to 0.9"),
        ({"momentum": 0.0, "nesterov": True}, "nesterov looks ahead along the momentum, and it"),
        ({"batch_size": -1}, "batch_size must be a whole number of at least 1; got -1"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number of at least 0; got nan"),
        ({"momentum": 1.5}, "momentum must be a number from 0 to 0.999; got 1.5"),
        ({"validation_fraction": 1.0}, "validation_fraction must be a number from 0 to 0.9"),
        ({"teacher": "big"}, "so say how many there are: --augmentation_pool=12"),
        (
            {"teacher": "big", "augmentation_pool": 2, "label_smoothing": 0.1},
            "label_smoothing 0.1 is for labels, and a teacher's probabilities are soft",
        ),
        (
            {"teacher": "big", "augmentation_pool": 2, "class_weight": "balanced"},
            "class_weight 'balanced' is for labels, and a student learns its teachers'",
        ),
        ({"class_weight": "balance"}, "unknown class_weight 'balance': did you mean 'balanced'"),
        ({"schedule": "steps"}, "unknown schedule 'steps': did you mean 'step'"),
    ],
)
def test_impossible_recipes_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(Recipe(), **change)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"min_area": 0.5},
            "min_area is for the crop area, and this is pad: leave it out, or give",
        ),
        ({"crop": "area", "border": "reflect"}, "border is for the crop pad, and this is area"),
        ({"crop": "area", "max_scale": 2.0}, "max_scale is for the crop scale, and this is area"),
    ],
)
def test_what_another_crop_reads_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Recipe().changed(changes)


def test_a_recipe_for_another_crop_keeps_what_it_had():
    recipe = replace(Recipe(), border="reflect").changed({"crop": "area", "min_area": 0.5})
    assert (recipe.crop, recipe.min_area, recipe.border) == ("area", 0.5, "reflect")


def test_every_field_says_what_it_is():
    assert all(field.metadata["help"] for field in fields(Recipe))
