"""The command that a page names trains the very same network in the very same way."""

import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from keras_resnet import SPECS, Spec, families
from keras_resnet.utils.schema import parse
from train import cifar, finetune, flags, imagenet
from train.evaluation.repeat import training_command
from train.settings.data import DataSettings
from train.settings.recipe import Recipe
from train.settings.recipes import FAST, FINETUNE, PAPER

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(ROOT.glob("saved_models/pretrained/*/run.json"))
PHOTOGRAPHS = sorted(ROOT.glob("docs/runs/*imagenette*seed0.json"))


def record(model, network, recipe, **changes):
    data = {"name": "cifar10", "image_size": network.input_shape[0], "sha256": ""}
    written = {"model": model, "network": families.to_json(network), "recipe": asdict(recipe)}
    return json.loads(json.dumps(written | {"data": data} | changes))


def understood(line):
    """What a command makes of its line: network, recipe, data, and the folder."""
    words = shlex.split(line)
    photographs = any(word.startswith("--recipe=imagenet") for word in words)
    command = imagenet if photographs else cifar
    assert words[:3] == ["python", "-m", command.__name__]
    values = command.COMMAND.parse(words[3:])
    _, network, recipe = flags.base(values)
    return (
        replace(network, **values.given(Spec)),
        replace(recipe, **values.given(Recipe)),
        DataSettings(**values.given(DataSettings)),
        values.output_dir,
    )


def assert_repeats(record):
    network, recipe, data, _ = understood(training_command(record, Path("runs/one")))
    wanted = families.from_json(record["network"])
    assert replace(network, input_shape=wanted.input_shape, classes=wanted.classes) == wanted
    assert recipe == parse(Recipe, record["recipe"])
    source = record.get("source", {"dataset": record["data"]["name"]})
    assert data.dataset == source["dataset"]


@pytest.mark.parametrize("framing", [{"resize": "pad"}, {"crop_ratio": 0.875}])
def test_photographs_are_read_in_the_same_way(framing):
    run = record("resnet20", SPECS["ResNet20"], PAPER)
    reading = {**framing, "skip_unreadable": True}
    run["data"] |= reading
    data = understood(training_command(run, Path("runs/one")))[2]
    assert {name: getattr(data, name) for name in reading} == reading


@pytest.mark.parametrize(
    "path", [*SHIPPED, *PHOTOGRAPHS], ids=lambda path: "_".join(path.parts[-2:])
)
def test_recorded_networks(path):
    assert_repeats(json.loads(path.read_text()))


@pytest.mark.parametrize("name", ["ResNet20", "ResNet50", "ResNet110", "ResNet101V2", "WRN_28_10"])
def test_named_networks(name):
    spec = SPECS.get(name, SPECS["ResNet20"])
    assert_repeats(record(name.lower(), spec, PAPER))
    assert_repeats(record("x", replace(spec, zero_gamma=False, dropout=0.25), FAST))


def test_folders_with_spaces_and_other_sizes(tmp_path):
    spec = replace(SPECS["ResNet20"], input_shape=(64, 64, 3))
    folder = tmp_path / "my runs/it's one"
    line = training_command(
        record("resnet20", spec, FAST, source={"dataset": "./my photos", "data_dir": ""}), folder
    )
    _, _, data, output = understood(line)
    assert (data.dataset, data.image_size) == ("./my photos", 64)
    assert output == str(tmp_path / "my runs/it's one_again")


def test_a_run_that_began_from_weights_begins_from_them_again():
    began = {"source": "runs/my first", "sha256": "0", "head": "kept"}
    line = training_command(record("resnet20", SPECS["ResNet20"], FAST, weights=began), Path("x"))
    assert cifar.COMMAND.parse(shlex.split(line)[3:]).weights == "runs/my first"


@pytest.mark.parametrize(("backend", "begin"), [("tensorflow", ""), ("jax", "KERAS_BACKEND=jax ")])
def test_of_the_machine_only_what_another_one_has_is_repeated(backend, begin):
    """JAX resolves `jit_compile` to true, and TensorFlow the steps of an execution to 1."""
    execution = {
        "devices": "cpu:2", "precision": "float32", "jit_compile": True, "steps_per_execution": 1,
    }  # fmt: skip
    run = record("resnet20", SPECS["ResNet20"], FAST, execution=execution, versions={backend: "1"})
    assert training_command(run, Path("one")) == (
        f"{begin}python -m train.cifar --model=resnet20 --recipe=fast --dataset=cifar10 "
        "--precision=float32 --output_dir=one_again"
    )


def test_what_no_command_can_repeat_has_none():
    good = record("resnet20", SPECS["ResNet20"], FAST)
    assert training_command(good | {"network": {"family": "other"}}, Path("x")) is None
    assert training_command(good | {"recipe": {"pace": 3}}, Path("x")) is None


@pytest.mark.parametrize(
    ("changes", "chosen", "model", "said"),
    [
        (
            {},
            {"epochs": 4, "frozen_stages": 1},
            "--model=resnet50 ",
            "--epochs=4 --frozen_stages=1",
        ),
        ({}, {"epochs": 1, "frozen_stages": 5}, "--model=resnet50 ", "--head_only=true"),
        ({}, {"frozen_stages": 5}, "--model=resnet50 ", "--head_only=true"),
        ({}, {"frozen_stages": 5, "seed": 3}, "--model=resnet50 ", "--head_only=true --seed=3"),
        ({}, {"frozen_stages": 5, "batch_size": 6}, "--model=resnet50 ", "--head_only=true"),
        (
            {"shortcut": "D"},  # the weights tell it
            {"frozen_stages": 1},
            "",
            f"--epochs={FINETUNE.epochs} --frozen_stages=1",
        ),
    ],
)
def test_fine_tuning_has_its_own_command(changes, chosen, model, said):
    network = replace(SPECS["ResNet50"], input_shape=(288, 288, 3), classes=6, **changes)
    run = record("resnet50", network, replace(FINETUNE, **chosen), survey={})
    run |= {"weights": {"source": "hf://a/b"}, "source": {"dataset": "./photos", "data_dir": ""}}
    run["data"] |= {"resize": "pad", "image_size": 288}
    line = training_command(run, Path("runs/one"))
    begin = f"python -m train.finetune {model}--weights=hf://a/b --dataset=./photos "
    assert line == f"{begin}{said} --output_dir=runs/one_again"
    finetune.COMMAND.parse(shlex.split(line)[3:])
