"""One home for each hyperparameter: a dataclass field is a flag; and how commands begin and end."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from absl import app, flags, logging

from keras_resnet import SPECS, Spec
from keras_resnet.errors import InputError, lookup
from train.recipe import RECIPES, Recipe
from train.signals import SAVED, Stopped

FLAGS = flags.FLAGS
DEFINE_boolean = flags.DEFINE_boolean
DEFINE_float = flags.DEFINE_float
DEFINE_integer = flags.DEFINE_integer
DEFINE_string = flags.DEFINE_string
MODELS = {name.lower(): spec for name, spec in SPECS.items()}
SHARED = {  # flags that several commands have
    "model": f"network: {', '.join(MODELS)}.",
    "recipe": f"how to train: {', '.join(RECIPES)}.",
    "spec": "best.json of a search: its network and recipe, instead of --model.",
    "run": "run folder, as train.cifar left it.",
    "dataset": "TFDS name, ROOT of {train,test}/CLASS/*.png, or digits.",
    "data_dir": "folder of prepared TFDS data, read offline.",
}
flags.disclaim_key_flags()  # `--help` then lists what a command defines through this module


class _Integers(flags.ArgumentParser):
    syntactic_help = "whole numbers with commas between, as in 3,3,3"

    def parse(self, argument):
        if isinstance(argument, str):
            return tuple(int(part) for part in argument.split(","))
        return argument


def _integers(name, default, help):
    flags.DEFINE(_Integers(), name, default, help)


_DEFINE: dict[Any, Callable] = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_boolean,
    str: flags.DEFINE_string,
    tuple[int, ...]: _integers,
}


def share(*names: str) -> None:
    """Defines some of the `SHARED` flags; not given is `None`."""
    for name in names:
        flags.DEFINE_string(name, None, SHARED[name], allow_override=True)


def base() -> tuple[str, Spec, Recipe]:
    """The name, the network and the recipe that `--model` and `--recipe`, or `--spec`, stand for.

    Raises:
        InputError: if they are unknown, or the file cannot be read.
    """
    if "spec" in FLAGS and FLAGS.spec:
        path = Path(FLAGS.spec)
        if FLAGS.model:
            raise InputError("--spec brings its own network: leave --model out.")
        spec, recipe = read_spec(path)
        name = path.stem
    else:
        name = (FLAGS.model or "resnet20").lower()
        spec, recipe = lookup(MODELS, name, "model"), RECIPES["fast"]
    return name, spec, lookup(RECIPES, FLAGS.recipe, "recipe") if FLAGS.recipe else recipe


def read_spec(path: Path) -> tuple[Spec, Recipe]:
    """Reads the network and the recipe from what `train.tune` wrote, or a `run.json`.

    Raises:
        InputError: if it is missing, damaged, or of something else.
    """
    try:
        record = json.loads(path.read_text())
        return Spec(**record["spec"]), Recipe(**record["recipe"])
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): run train.tune first.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} holds no network and recipe ({error!r}): give the best.json of a search."
        ) from error


def define(cls: type, without: Sequence[str] = ()) -> None:
    """Defines a flag for every field of a dataclass; not given means as in the named one."""
    for field in fields(cls):
        if field.name not in without:
            legal = field.metadata.get("choices")
            text = field.metadata["help"] + (f": {', '.join(legal)}" if legal else "")
            _DEFINE[field.type](field.name, None, f"{text}.")


def given(cls: type) -> dict[str, Any]:
    """The fields of a dataclass whose flags are on the command line, with their values."""
    names = [field.name for field in fields(cls) if field.name in FLAGS]
    return {name: FLAGS[name].value for name in names if FLAGS[name].present}


def start(main: Callable[[list[str]], None]) -> None:
    """Runs a command on its positional arguments; bad input ends it with a sentence and exit 1."""
    app.run(lambda argv: _guarded(main, argv[1:]), flags_parser=_parse)


def _parse(argv: list[str]) -> list[str]:
    try:
        return FLAGS(argv)
    except flags.Error as error:
        sys.exit(f"error: {error} (--help lists all flags)")


def _guarded(main: Callable[[list[str]], None], arguments: list[str]) -> None:
    if not FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # TensorFlow reports each file that it writes
    try:
        main(arguments)
    except InputError as error:
        sys.exit(f"error: {error}")
    except Stopped as stop:
        print(f"{stop} The same command goes on from there.", file=sys.stderr)
        sys.exit(SAVED)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
