"""What is in the folder of a search."""

import shlex
from dataclasses import asdict, replace

import pytest

from keras_resnet import cifar, families
from keras_resnet.utils.schema import write_json
from train import flags
from train.cifar import COMMAND
from train.search.folder import next_commands
from train.settings.recipe import Recipe
from train.settings.recipes import FAST, FINETUNE


@pytest.mark.parametrize(
    ("recipe", "fraction"),
    [(FAST, 0.0), (replace(FAST, patience=2), 0.1), (FINETUNE, FINETUNE.validation_fraction)],
    ids=["all images", "patience", "best"],
)
def test_the_best_is_trained_on_all_images_unless_some_choose_an_epoch(tmp_path, recipe, fraction):
    found = {"network": families.to_json(cifar(8)), "recipe": asdict(recipe)}
    write_json(tmp_path / "best.json", found)
    command = shlex.split(next_commands(tmp_path, " --crop_ratio=0.9")[0])
    values = COMMAND.parse(command[3:])
    _, _, own = flags.base(values)
    trained = replace(own, **values.given(Recipe))
    assert trained == replace(recipe, epochs=100, validation_fraction=fraction)
    assert values.crop_ratio == 0.9
