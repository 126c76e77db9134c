"""Commands: a dataclass field is a flag, the flags of a command are its own; how commands end.

Flags are absl's, in a `FlagValues` for each command instead of the process-wide one, so that
commands can be imported together, and called from Python as often as one likes.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

from absl import flags, logging

from keras_resnet.families import NetworkConfig
from keras_resnet.utils.errors import InputError, lookup, sentence, shorten
from keras_resnet.utils.extras import explain_missing
from keras_resnet.utils.fields import check_value, path
from keras_resnet.utils.fields import read as read_text
from train.runs.record import read_spec
from train.settings.networks import MODELS
from train.settings.recipe import Recipe
from train.settings.recipes import RECIPES
from train.trainer.checkpoint import CHECKPOINT_SECONDS
from train.utils import output
from train.utils.stop_signals import SAVED, Stopped
from train.utils.supervise import go_on_in_child

PATH = {"text": path}
SHARED: dict[str, tuple[Any, Any, str, dict[str, Any]]] = {  # flags that several commands have
    "model": (str, None, f"network: {', '.join(MODELS)}", {}),
    "recipe": (str, None, f"how to train: {', '.join(RECIPES)}", {}),
    "spec": (str, None, "best.json of a search: its network and recipe, instead of --model", PATH),
    "run": (str, None, "run folder, as train.cifar left it", PATH),
    "overwrite": (bool, False, "replace a run that is in the run folder", {}),
    "checkpoint_seconds": (float, CHECKPOINT_SECONDS, "most work to lose if killed", {"low": 0}),
}
OPTIONAL = {"recipe", "spec", "coordinator", "overwrite"}  # code for several commands asks any
LOST = (
    "this process lost the others, or was killed: see what the first of them to end says, then "
    "give all the same commands again, without --overwrite, to go on from the last checkpoint."
)
HELP = {f"-{dash}{name}" for dash in ("", "-") for name in ("h", "help", "helpshort", "helpfull")}
SYNTAX = {tuple[int, ...]: "whole numbers with commas between, as in 3,3,3"}
flags.disclaim_key_flags()  # `--help` then lists what a command defines through this module


class _Parser(flags.ArgumentParser):
    """Reads and checks a flag as the field of a dataclass, see `keras_resnet.utils.fields`."""

    def __init__(self, name: str, kind: Any, rules: Mapping[str, Any]):
        self.name, self.kind, self.rules = name, kind, rules
        self.syntactic_help = SYNTAX.get(kind, "")

    def parse(self, argument: Any) -> Any:
        """A value from its text, or a default."""
        read = read_text if isinstance(argument, str) else check_value
        return read(self.name, argument, self.kind, self.rules)

    def flag_type(self) -> str:
        """For help in XML."""
        return getattr(self.kind, "__name__", str(self.kind))


class Values:
    """What a command was given: flags as attributes, `None` if not given and without a default.

    So are the `OPTIONAL` ones that a command does not have.

    Attributes:
        arguments: The positional arguments.
    """

    def __init__(self, values: flags.FlagValues, arguments: Sequence[str] = ()):
        self._values, self.arguments = values, list(arguments)

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name].value
        if name in OPTIONAL:
            return None
        raise AttributeError(f"the command has no flag --{name}.")

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
            raise InputError(
                f"unexpected {shorten(self.arguments[0])}: write flags as --name=value."
            )


class Command:
    """A command and its flags.

    Args:
        name: As in `python -m NAME`.
        doc: What it does, for `--help`.
    """

    def __init__(self, name: str, doc: str | None):
        self.name, self.doc = name, doc or ""
        self.flags = flags.FlagValues()

    def add(self, kind: Any, name: str, default: Any, help: str, **rules: Any) -> None:
        """Defines a flag.

        Args:
            kind: `int`, `float`, `bool`, `str` or `tuple[int, ...]`.
            name: Without dashes.
            default: What it is if it is not given.
            help: What it means.
            **rules: What is legal, as for `keras_resnet.utils.fields.option`; an empty text is, if
                `empty` is true.
        """
        parser, text = _Parser(name, kind, rules), f"{help}."
        flag = flags.Flag(parser, None, name, default, text, boolean=kind is bool)
        flags.DEFINE_flag(flag, self.flags)

    def share(self, *names: str) -> None:
        """Defines some of the `SHARED` flags."""
        for name in names:
            kind, default, help, rules = SHARED[name]
            self.add(kind, name, default, help, **rules)

    def add_fields(self, cls: type, without: Sequence[str] = ()) -> None:
        """Defines a flag for every field of a dataclass; not given is `None`."""
        for field in fields(cls):
            if field.name not in without:
                legal = field.metadata.get("choices")
                text = field.metadata["help"] + (f": {', '.join(legal)}" if legal else "")
                self.add(field.type, field.name, None, **{**field.metadata, "help": text})

    def parse(self, argv: Sequence[str]) -> Values:
        """Reads a command line, without the name of the command.

        Raises:
            InputError: if a flag is unknown or its value cannot be read.
        """
        values = deepcopy(self.flags)
        try:
            arguments = values([self.name, *argv], known_only=False)[1:]
        except (flags.Error, ValueError) as error:
            if isinstance(error.__context__, InputError):  # of a `_Parser`: absl repeats it
                raise error.__context__ from None
            raise InputError(f"{sentence(error)} (--help lists all flags)") from error
        return Values(values, arguments)

    def run(self, main: Callable[[Values], Any], settings: dict[str, Any]) -> Any:
        """Runs the command from Python.

        Args:
            main: What it does.
            settings: Flags by name; `arguments` are the positional ones, or a single one.

        Raises:
            InputError: if there is no such flag, or its value is not legal.
        """
        _refuse_windows()
        arguments = settings.pop("arguments", ())
        if isinstance(arguments, str | os.PathLike):
            arguments = [arguments]
        for name in settings:
            lookup(dict.fromkeys(self.flags), name, "argument")
        given = {name: value for name, value in settings.items() if value is not None}
        with explain_missing("train"):
            argv = [*map(_flag, given, given.values()), "--", *map(str, arguments)]
            return main(self.parse(argv))

    def start(self, main: Callable[[Values], Any], argv: Sequence[str] | None = None) -> None:
        """Runs the command from the command line; bad input ends it with a sentence and exit 1."""
        logging.set_verbosity(logging.WARNING)  # TensorFlow reports each file that it writes
        try:
            if argv is None:
                output.guard()
                argv = sys.argv[1:]
            self._run(main, argv)
        except output.HangUp:
            sys.exit(output.HUNG_UP)

    def _run(self, main: Callable[[Values], Any], argv: Sequence[str]) -> None:
        """Shows help or runs the command, and says what ended it early."""
        if HELP & {*argv}:
            print(f"{self.doc}\n\nflags:\n{self.flags.get_help()}")
            return
        try:
            _refuse_windows()
            with explain_missing("train"):
                values = self.parse(argv)
                if values.coordinator:
                    go_on_in_child(LOST)
                main(values)
        except InputError as error:
            sys.exit(f"error: {error}")
        except Stopped as stop:
            without = " without --overwrite" if values.overwrite else ""
            print(f"{stop} The same command{without} goes on from there.", file=sys.stderr)
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


def chosen(text: str, legal: Iterable[str], what: str) -> list[str]:
    """The names in a text with commas between, each once.

    Raises:
        InputError: for the first that is not legal; `what` says of what it is one.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        lookup(dict.fromkeys(legal), name, what)
    return list(dict.fromkeys(names))


def base(
    values: Values, model: str = "resnet20", recipe: str = "fast"
) -> tuple[str, NetworkConfig, Recipe]:
    """The name, the network and the recipe that `--model` and `--recipe`, or `--spec`, stand for.

    Args:
        values: The flags.
        model: The default network.
        recipe: Its default recipe.

    Raises:
        InputError: if they are unknown, or the file cannot be read.
    """
    if values.spec:
        file = Path(values.spec)
        if values.model:
            raise InputError("--spec brings its own network: leave --model out.")
        network, own = read_spec(file)
        name = file.stem
    else:
        name = (values.model or model).lower()
        network, own = lookup(MODELS, name, "model"), RECIPES[recipe]
    named = lookup(RECIPES, values.recipe, "recipe") if values.recipe else own
    return name, network, named
