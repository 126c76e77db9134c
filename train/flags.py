"""One home for each hyperparameter: a dataclass field is a flag; and how commands begin and end."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from absl import app, flags, logging

from keras_resnet.errors import InputError
from train.signals import SAVED, Stopped

FLAGS = flags.FLAGS
DEFINE_boolean = flags.DEFINE_boolean
DEFINE_float = flags.DEFINE_float
DEFINE_integer = flags.DEFINE_integer
DEFINE_string = flags.DEFINE_string
SHARED = {  # flags that several commands have
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
