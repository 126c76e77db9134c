import json
from dataclasses import asdict, dataclass, fields, replace

import pytest
from absl.flags import FLAGS

from keras_resnet import InputError, Spec
from keras_resnet.options import option
from train import cifar, flags  # noqa: F401, it defines the flags
from train.devices import Execution
from train.recipe import FAST, PAPER, Recipe

CHANGES = {
    Recipe: {
        "epochs": 3, "batch_size": 7, "learning_rate": 0.5, "momentum": 0.25, "nesterov": True,
        "weight_decay": 0.125, "schedule": "one_cycle", "warmup": 0.75, "label_smoothing": 0.2,
        "crop": 1, "flip": "none", "validation_fraction": 0.3, "seed": 9, "optimizer": "muon",
        "average": 0.99, "center": False, "mixup": 0.25, "views": 4,
        "teacher": "saved_models/big", "temperature": 3.5,
    },
    Execution: {
        "devices": "cpu:2", "precision": "float32", "jit_compile": True, "steps_per_execution": 5,
    },
    Spec: {
        "units": (1, 2), "widths": (3, 4), "unit": "bottleneck", "order": "relu_only_preact",
        "shortcut": "C", "stem": "imagenet", "convention": "keras_v1", "width_multiplier": 1.5,
        "zero_gamma": True, "dropout": 0.25, "stochastic_depth": 0.125,
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def parsed():
    FLAGS(["test"])
    yield
    FLAGS.unparse_flags()


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
def test_every_field_is_a_flag(kind):
    defaults = kind()
    expected = {field.name for field in fields(kind)} - {"input_shape", "classes"}
    assert CHANGES[kind].keys() == expected
    text = {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in CHANGES[kind].items()
    }
    try:
        FLAGS(["test", *(f"--{name}={value}" for name, value in text.items())])
        assert flags.given(kind) == CHANGES[kind]
        assert all(CHANGES[kind][name] != getattr(defaults, name) for name in expected)
    finally:
        for name in expected:
            FLAGS[name].unparse()


def test_a_flag_that_is_not_given_changes_nothing():
    assert flags.given(Recipe) == {}
    assert flags.given(Spec) == {}


def test_a_new_field_is_a_flag_with_its_help():
    @dataclass(frozen=True)
    class Fresh:
        gamma_of_test: float = option(1.5, "a new knob", choices=("a", "b"))

    flags.define(Fresh)
    assert FLAGS["gamma_of_test"].help == "a new knob: a, b."
    assert FLAGS["gamma_of_test"].value is None


def test_an_interrupted_command_ends_with_130(capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        flags._guarded(interrupted, [])
    assert caught.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--modle=resnet20"], "Unknown command line flag 'modle'. Did you mean: model"),
        (["--epochs=many"], "--epochs=many"),
        (["--units=3,x"], "--units=3,x"),
    ],
)
def test_a_mistyped_flag_ends_with_one_sentence(arguments, message):
    with pytest.raises(SystemExit) as caught:
        flags._parse(["test", *arguments])
    assert message in caught.value.code
    assert caught.value.code.startswith("error: ")


def test_the_network_and_recipe_of_a_search_are_a_base(tmp_path):
    path = tmp_path / "best.json"
    spec, recipe = replace(flags.MODELS["resnet8"], units=(1, 2, 1)), replace(FAST, epochs=3)
    path.write_text(json.dumps({"spec": asdict(spec), "recipe": asdict(recipe)}))
    FLAGS(["test", f"--spec={path}"])
    assert flags.base() == ("best", spec, recipe)
    FLAGS(["test", f"--spec={path}", "--recipe=paper"])
    assert flags.base() == ("best", spec, PAPER)
    FLAGS(["test", f"--spec={path}", "--model=resnet20"])
    with pytest.raises(InputError, match="--spec brings its own network: leave --model out"):
        flags.base()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"spec": {}, "recipe": {"speed": 1}}'])
def test_a_file_without_a_network_is_named(text, tmp_path):
    (tmp_path / "best.json").write_text(text)
    with pytest.raises(InputError, match=r"best\.json holds no network and recipe"):
        flags.read_spec(tmp_path / "best.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="No such file or directory"):
        flags.read_spec(tmp_path / "worst.json")
