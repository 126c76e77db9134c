"""The head on features, and what is trained in the time that there is."""

import numpy as np
import pytest

from train.settings.recipes import FINETUNE
from train.transfer import head, plan

MACS = {1: 100, 2: 200, 3: 300, 4: 300, 5: 100}


@pytest.mark.parametrize("classes", [2, 3])
def test_a_head_learns_what_is_linear(classes):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 20)).astype("float32")
    y = (x @ draw.normal(size=(20, classes))).argmax(-1)
    found = head.fit(x[:300], y[:300], (x[300:], y[300:]), classes)
    assert found.kernel.shape == (20, classes)
    said = (x[300:] @ found.kernel + found.bias).argmax(-1)
    assert np.mean(said == y[300:]) == found.validation_accuracy > 0.9


def test_balanced_heads_hear_the_rare_class():
    draw = np.random.default_rng(0)
    y = (np.arange(600) % 20 == 0).astype(int)
    x = (draw.normal(size=(600, 2)) + y[:, None]).astype("float32")
    rows = [head.fit(x, y, (x, y), 2, weight) for weight in ("none", "balanced")]
    recalls = [np.mean((x @ row.kernel + row.bias).argmax(-1)[y == 1]) for row in rows]
    assert recalls[1] > recalls[0] + 0.2


def choose(seconds, *given, **changes):
    recipe = FINETUNE if not changes else type(FINETUNE)(**{**vars(FINETUNE), **changes})
    return plan.choose(recipe, given, MACS, 10.0, (100, 20), seconds, "float32")


def test_more_time_trains_more_stages():
    # An epoch of all but the stem takes (100 * (1 + 3 * 0.9) + 20) / 10 = 39 s.
    assert (choose(117.1).recipe.frozen_stages, choose(117.1).recipe.epochs) == (1, 3)
    assert choose(116.9).recipe.frozen_stages == 2
    assert (choose(30.1).recipe.frozen_stages, choose(30.1).recipe.epochs) == (4, 2)
    assert choose(30.1).seconds == pytest.approx(30)
    assert choose(1e6).recipe.epochs == FINETUNE.epochs


def test_without_time_the_head_is_all():
    found = choose(13)
    assert found.head_only
    assert (found.recipe.frozen_stages, found.recipe.epochs) == (5, 1)


def test_what_the_user_decides_is_not_chosen():
    found = choose(1, "epochs", "frozen_stages", epochs=7, frozen_stages=3)
    assert (found.recipe.epochs, found.recipe.frozen_stages, found.head_only) == (7, 3, False)
    # Of what is left to choose, the time decides: 7 epochs of all but the stem take 273 s.
    assert choose(273.1, "epochs", epochs=7).recipe.frozen_stages == 1
    assert choose(272.9, "epochs", epochs=7).recipe.frozen_stages == 2
    assert choose(1, "epochs", epochs=7).recipe.frozen_stages == 4
