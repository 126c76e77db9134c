"""Commands: a dataclass field is a flag, the flags of a command are its own; how commands end.

Flags are absl's, in a `FlagValues` for each command instead of the process-wide one, so that
commands can be imported together, and called from Python as often as one likes.
"""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

from absl import flags, logging

from keras_resnet.families import NetworkConfig
from keras_resnet.spec import SPECS
from keras_resnet.utils.errors import InputError, lookup
from train.runs.record import read_spec
from train.settings.recipe import RECIPES, Recipe
from train.trainer.stop_signals import SAVED, Stopped

MODELS = {name.lower(): spec for name, spec in SPECS.items()}
SHARED = {  # flags that several commands have
    "model": f"network: {', '.join(MODELS)}",
    "recipe": f"how to train: {', '.join(RECIPES)}",
    "spec": "best.json of a search: its network and recipe, instead of --model",
    "run": "run folder, as train.cifar left it",
    "output_dir": "folder that is written",
}
flags.disclaim_key_flags()  # `--help` then lists what a command defines through this module


class _Integers(flags.ArgumentParser):
    syntactic_help = "whole numbers with commas between, as in 3,3,3"

    def parse(self, argument):
        if isinstance(argument, str):
            return tuple(int(part) for part in argument.split(","))
        return tuple(argument)


def _define_integers(name, default, help, flag_values):
    flags.DEFINE(_Integers(), name, default, help, flag_values)


_DEFINE: dict[Any, Callable] = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_boolean,
    str: flags.DEFINE_string,
    tuple[int, ...]: _define_integers,
}


class Values:
    """What a command was given: flags as attributes, `None` if not given and without a default.

    Attributes:
        arguments: The positional arguments.
    """

    def __init__(self, values: flags.FlagValues, arguments: Sequence[str] = ()):
        self._values, self.arguments = values, list(arguments)

    def __getattr__(self, name: str) -> Any:
        return self._values[name].value if name in self._values else None

    def given(self, cls: type) -> dict[str, Any]:
        """The fields of a dataclass whose flags were given, with their values."""
        names = [field.name for field in fields(cls) if field.name in self._values]
        return {name: getattr(self, name) for name in names if self._values[name].present}

    @property
    def names(self) -> list[str]:
        """The names of all flags."""
        return [*self._values]

    def as_flags(self, *names: str) -> str:
        """Flags as they were given, for a command line: each begins with a space."""
        given = {name: getattr(self, name) for name in names if self._values[name].present}
        return "".join(f" --{name}={shlex.quote(str(value))}" for name, value in given.items())

    def refuse_arguments(self) -> None:
        """Raises an `InputError` if there are positional arguments."""
        if self.arguments:
            raise InputError(f"unexpected {self.arguments[0]!r}: write flags as --name=value.")


class Command:
    """A command and its flags.

    Args:
        name: As in `python -m NAME`.
        doc: What it does, for `--help`.
    """

    def __init__(self, name: str, doc: str | None):
        self.name, self.doc = name, doc or ""
        self.flags = flags.FlagValues()
        self.add_boolean("help", False, "show this")

    def _add(self, kind: Any, name: str, default: Any, help: str, **limits: Any) -> None:
        _DEFINE[kind](name, default, f"{help}.", flag_values=self.flags, **limits)

    def add_string(self, name: str, default: str | None, help: str) -> None:
        """Defines a flag for a text."""
        self._add(str, name, default, help)

    def add_integer(
        self, name: str, default: int | None, help: str, lower_bound: int | None = None
    ) -> None:
        """Defines a flag for a whole number."""
        self._add(int, name, default, help, lower_bound=lower_bound)

    def add_float(
        self, name: str, default: float | None, help: str, lower_bound: float | None = None
    ) -> None:
        """Defines a flag for a number."""
        self._add(float, name, default, help, lower_bound=lower_bound)

    def add_boolean(self, name: str, default: bool | None, help: str) -> None:
        """Defines a flag that is true or false."""
        self._add(bool, name, default, help)

    def share(self, *names: str) -> None:
        """Defines some of the `SHARED` flags; not given is `None`."""
        for name in names:
            self.add_string(name, None, SHARED[name])

    def add_fields(self, cls: type, without: Sequence[str] = ()) -> None:
        """Defines a flag for every field of a dataclass; not given is `None`."""
        for field in fields(cls):
            if field.name not in without:
                legal = field.metadata.get("choices")
                text = field.metadata["help"] + (f": {', '.join(legal)}" if legal else "")
                self._add(field.type, field.name, None, text)

    def parse(self, argv: Sequence[str]) -> Values:
        """Reads a command line, without the name of the command.

        Raises:
            InputError: if a flag is unknown or its value cannot be read.
        """
        values = deepcopy(self.flags)
        try:
            arguments = values([self.name, *argv], known_only=False)[1:]
        except flags.Error as error:
            raise InputError(f"{error} (--help lists all flags)") from error
        return Values(values, arguments)

    def run(self, main: Callable[[Values], Any], settings: dict[str, Any]) -> Any:
        """Runs the command from Python.

        Args:
            main: What it does.
            settings: Flags by name; `arguments` are the positional ones.

        Raises:
            InputError: if there is no such flag, or its value is not legal.
        """
        _refuse_windows()
        arguments = [str(argument) for argument in settings.pop("arguments", ())]
        for name in settings:
            lookup(dict.fromkeys(self.flags), name, "argument")
        given = {name: value for name, value in settings.items() if value is not None}
        return main(self.parse([*map(_flag, given, given.values()), "--", *arguments]))

    def start(self, main: Callable[[Values], Any], argv: Sequence[str] | None = None) -> None:
        """Runs the command from the command line; bad input ends it with a sentence and exit 1."""
        logging.set_verbosity(logging.WARNING)  # TensorFlow reports each file that it writes
        try:
            _refuse_windows()
            values = self.parse(sys.argv[1:] if argv is None else argv)
            if values.help:
                print(f"{self.doc}\n\nflags:\n{values._values.get_help()}")
            else:
                main(values)
        except InputError as error:
            sys.exit(f"error: {error}")
        except Stopped as stop:
            print(f"{stop} The same command goes on from there.", file=sys.stderr)
            sys.exit(SAVED)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)


def _refuse_windows() -> None:
    if os.name == "nt":
        raise InputError("training runs on Linux and macOS: on Windows, use WSL 2.")


def _flag(name: str, value: Any) -> str:
    texts = value if isinstance(value, list | tuple) else [value]
    return f"--{name}={','.join(map(str, texts))}"


def base(values: Values) -> tuple[str, NetworkConfig, Recipe]:
    """The name, the network and the recipe that `--model` and `--recipe`, or `--spec`, stand for.

    Raises:
        InputError: if they are unknown, or the file cannot be read.
    """
    if values.spec:
        path = Path(values.spec)
        if values.model:
            raise InputError("--spec brings its own network: leave --model out.")
        network, recipe = read_spec(path)
        name = path.stem
    else:
        name = (values.model or "resnet20").lower()
        network, recipe = lookup(MODELS, name, "model"), RECIPES["fast"]
    named = lookup(RECIPES, values.recipe, "recipe") if values.recipe else recipe
    return name, network, named
