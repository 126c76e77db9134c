import json
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from pathlib import Path

import pytest

from keras_resnet import InputError, Spec, families
from keras_resnet.utils.fields import option
from tests.conftest import ROOT
from train import cifar, export, flags, predict, tune
from train.search import space
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.networks import MODELS
from train.settings.recipe import Recipe
from train.settings.recipes import FAST, PAPER
from train.utils.stop_signals import Stopped

pytestmark = pytest.mark.unit
COMMANDS = [
    import_module(f"train.{path.stem}")
    for path in sorted((ROOT / "train").glob("*.py"))
    if "\nCOMMAND = " in path.read_text()
]
NOT_PATHS = {
    "author", "coordinator", "devices", "experiment", "formats", "license", "model", "recipe",
    "views", "what", *(field.name for field in space.searchable()),
}  # fmt: skip
CHANGES = {
    Recipe: {
        "epochs": 3, "batch_size": 7, "learning_rate": 0.5, "momentum": 0.25, "nesterov": True,
        "weight_decay": 0.125, "schedule": "one_cycle", "warmup": 0.75, "label_smoothing": 0.2,
        "crop_padding": 1, "flip": "none", "validation_fraction": 0.3, "seed": 9,
        "optimizer": "muon", "class_weight": "balanced", "deliver": "best",
        "crop": "area", "min_scale": 1.25, "max_scale": 1.5, "min_area": 0.25, "max_aspect": 1.5,
        "cutmix": 0.5, "color_jitter": 0.25, "lighting": 0.125, "random_erasing": 0.75,
        "ema_decay": 0.99, "subtract_mean": False, "mixup": 0.25, "augmentation_pool": 4,
        "teacher": "saved_models/big", "temperature": 3.5, "first_size": 0.5, "last_size": 0.75,
        "border": "reflect", "cutout": 8, "whitened_stem": True, "half_kernels": True,
        "frozen_stages": 2, "freeze_batchnorm": True, "stage_decay": 0.5, "patience": 4,
        "label_share": 0.25,
    },
    DataSettings: {
        "dataset": "digits", "data_dir": "there", "image_size": 16, "resize": "pad",
        "crop_ratio": 0.875, "skip_unreadable": True,
    },
    Execution: {
        "devices": "cpu:2", "precision": "float32", "jit_compile": True, "steps_per_execution": 5,
    },
    Spec: {
        "blocks": (1, 2), "widths": (3, 4), "block": "bottleneck",
        "activation_order": "relu_only_preact",
        "shortcut": "C", "stem": "imagenet", "variant": "keras_v1", "width_multiplier": 1.5,
        "zero_gamma": True, "dropout": 0.25, "stochastic_depth": 0.125, "output_stride": 8,
    },
}  # fmt: skip


def flags_of(*kinds):
    """All commands, with the names of their flags of some kinds."""
    return [
        (module.COMMAND, name)
        for module in COMMANDS
        for name in module.COMMAND.flags
        if module.COMMAND.flags[name].flag_type() in kinds
    ]


def texts(changes):
    return [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in changes.items()
    ]


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
def test_every_field_is_a_flag(kind):
    expected = {field.name for field in fields(kind)} - {"input_shape", "classes"}
    assert CHANGES[kind].keys() == expected
    values = cifar.COMMAND.parse(texts(CHANGES[kind]))
    assert values.given(kind) == CHANGES[kind]
    assert all(CHANGES[kind][name] != getattr(kind(), name) for name in expected)


def test_a_flag_that_is_not_given_changes_nothing():
    values = cifar.COMMAND.parse([])
    assert values.given(Recipe) == values.given(Spec) == {}
    assert values.learning_rate is None


def test_commands_have_flags_of_their_own():
    """`--shortcut` takes one value to train, and several to search."""
    assert cifar.COMMAND.parse(["--shortcut=B"]).shortcut == "B"
    assert tune.COMMAND.parse(["--shortcut=A,B"]).shortcut == "A,B"
    assert "epochs" not in predict.COMMAND.flags
    with pytest.raises(InputError, match="Unknown command line flag 'epochs'"):
        export.COMMAND.parse(["--epochs=3"])


def test_what_was_parsed_does_not_leak():
    cifar.COMMAND.parse(["--epochs=3"])
    assert cifar.COMMAND.parse([]).epochs is None


def test_a_new_field_is_a_flag_with_its_help():
    @dataclass(frozen=True)
    class Fresh:
        gamma_of_test: float = option(1.5, "a new knob", choices=("a", "b"))

    command = flags.Command("test", "Does nothing.")
    command.add_fields(Fresh)
    assert command.flags["gamma_of_test"].help == "a new knob: a, b."
    assert command.flags["gamma_of_test"].value is None


def test_from_python_keywords_are_flags(monkeypatch):
    """As in a notebook, whose own arguments are none of ours."""
    monkeypatch.setattr("sys.argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    settings = {"epochs": 3, "blocks": (1, 2), "nesterov": True, "model": None, "shortcut": "B"}
    seen = cifar.COMMAND.run(lambda values: values, dict(settings, arguments=["a.png", 7]))
    assert seen.given(Recipe) == {"epochs": 3, "nesterov": True}
    assert seen.given(Spec) == {"blocks": (1, 2), "shortcut": "B"}
    assert seen.arguments == ["a.png", "7"]
    for one in ("x.png", Path("x.png")):  # not its letters
        assert cifar.COMMAND.run(lambda values: values, {"arguments": one}).arguments == ["x.png"]
    with pytest.raises(InputError, match="unknown argument 'epoch': did you mean 'epochs'"):
        cifar.run(epoch=3)
    with pytest.raises(InputError, match="epochs"):
        cifar.run(epochs="many")


def test_a_misspelt_flag_is_no_value():
    values = predict.COMMAND.parse(["--run=there"])
    assert (values.run, values.spec, values.coordinator) == ("there", None, None)
    with pytest.raises(AttributeError, match="no flag --fromat"):
        _ = values.fromat


def test_flags_are_repeated_as_they_were_given():
    values = tune.COMMAND.parse(["--dataset=./my photos", "--image_size=32"])
    assert values.as_flags("dataset", "data_dir", "image_size") == (
        " --dataset='./my photos' --image_size=32"
    )


def end(main, *argv):
    """How a command ends."""
    with pytest.raises(SystemExit) as caught:
        cifar.COMMAND.start(main, argv)
    return caught.value.code


def test_an_interrupted_command_ends_with_130(capsys):
    def interrupted(values):
        raise KeyboardInterrupt

    assert end(interrupted) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ([], "The same command goes on from there."),
        (["--overwrite"], "The same command without --overwrite goes on from there."),
    ],
)
def test_a_command_that_was_stopped_tells_how_it_goes_on(given, again, capsys):
    def stopped(values):
        raise Stopped("SIGTERM: stopped and saved after step 2.")

    assert end(stopped, *given) == 75
    assert capsys.readouterr().err == f"SIGTERM: stopped and saved after step 2. {again}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--modle=resnet20"], "Unknown command line flag 'modle'. Did you mean: model"),
        (["--epochs=many"], "epochs must be a whole number of at least 1; got 'many'"),
        (["--epochs=" + "9" * 5000], "epochs must be a whole number of at least 1; got '999"),
        (["--blocks=3,x"], "each of blocks must be a whole number from 1 to 1000; got 'x'"),
        (["--blocks=1,1,"], "each of blocks must be a whole number from 1 to 1000; got ''"),
        (["--nesterov=maybe"], "nesterov must be true or false; got 'maybe'"),
        (["--nonesterov=5"], "--nonesterov=5 does not take an argument"),
        (["--flagfile=tests/data/digit_7.png"], "can't decode byte"),
        (
            ["--checkpoint_seconds=nan"],
            "checkpoint_seconds must be a number of at least 0; got nan",
        ),
        (
            ["--learning_rate=1e30"],
            "learning_rate must be a number from 0 to 2147483647; got 1e+30",
        ),
        (["--model="], "model is empty: give a value, or leave it out"),
        (["--output_dir= "], "output_dir is empty"),
        (["--data_dir="], "data_dir is empty"),
        (["--teacher=a,,b"], "teacher must be a path; got ''"),
        (["--dataset=~nosuch/photos"], "dataset '~nosuch/photos' is of no user here"),
        (["--output_dir=" + "x" * 5000], "is too long for a path"),
    ],
)
def test_a_mistyped_flag_ends_with_one_sentence(arguments, message):
    said = end(None, *arguments)
    assert message in said
    assert said.startswith("error: ")
    assert len(said) < 400
    assert "\n" not in said


def test_no_number_is_without_an_end():
    """NaN and infinity would switch off the check that a number stands for."""
    numbers = flags_of("int", "float")
    assert numbers
    for command, name in numbers:
        for text in ("nan", "inf", "-inf", "1e999", "-1"):
            with pytest.raises(InputError, match=f"{name} must be a (whole )?number"):
                command.parse([f"--{name}={text}"])


def test_a_list_may_have_spaces():
    assert cifar.COMMAND.parse(["--blocks=1, 2 ,3"]).blocks == (1, 2, 3)


def test_home_is_expanded_in_every_flag_that_is_a_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    texts = [
        (command, name)
        for command, name in flags_of("str")
        if "choices" not in command.flags[name].parser.rules
    ]
    values = [(name, getattr(command.parse([f"--{name}=~/it"]), name)) for command, name in texts]
    assert {name for name, value in values if value != "/home/someone/it"} == NOT_PATHS
    assert DataSettings(dataset="~/it").dataset == "/home/someone/it"
    assert Recipe(teacher="~/a, ~/b", augmentation_pool=1).teacher == (
        "/home/someone/a,/home/someone/b"
    )


@pytest.mark.parametrize("help", ["--help", "-h", "-help", "--helpshort", "--helpfull"])
def test_every_way_to_ask_for_help_is_understood(help, capsys):
    predict.COMMAND.start(None, ["--top=many", help])
    assert "--top:" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_help_lists_every_flag(command, capsys):
    command.COMMAND.start(None, ["--help"])
    listed = capsys.readouterr().out.replace("--[no]", "--")
    assert listed.startswith(command.__doc__)
    for name in command.COMMAND.flags:
        assert f"--{name}:" in listed


def test_an_empty_teacher_is_none(tmp_path):
    """Though the recipe of a search has one."""
    recipe = replace(FAST, teacher="somebody", augmentation_pool=2)
    found = {"network": families.to_json(MODELS["resnet8"]), "recipe": asdict(recipe)}
    (tmp_path / "best.json").write_text(json.dumps(found))
    values = cifar.COMMAND.parse([f"--spec={tmp_path}/best.json", "--teacher="])
    _, _, base = flags.base(values)
    assert replace(base, **values.given(Recipe)) == replace(recipe, teacher="")


def test_the_network_and_recipe_of_a_search_are_a_base(tmp_path):
    path = tmp_path / "best.json"
    spec, recipe = replace(MODELS["resnet8"], blocks=(1, 2, 1)), replace(FAST, epochs=3)
    found = {"network": families.to_json(spec), "recipe": asdict(recipe)}
    path.write_text(json.dumps(found))

    def base(*argv):
        return flags.base(cifar.COMMAND.parse([f"--spec={path}", *argv]))

    assert base() == ("best", spec, recipe)
    assert base("--recipe=paper") == ("best", spec, PAPER)
    with pytest.raises(InputError, match="--spec brings its own network: leave --model out"):
        base("--model=resnet20")
