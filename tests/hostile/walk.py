"""Every command and every public function, with arguments that people and scripts get wrong.

A new command joins by a row in `COMMANDS`, a new function by being public.
"""

import inspect
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random

TEXTS = (
    "", " ", ",", "nan", "-inf", "inf", "-1", "0", "1e30", "9" * 400, "1.5", "x" * 5000, "a,b",
    "1,1,1,", "1, 2", "\n", "\x00", "\udcff", "None", "true", "../..", "~nobody/x", "/dev/null",
    "missing/file", "folder", "empty", "fifo", "deep.json", "noise.bin", "photos", "locked",
)  # fmt: skip
# Flags with which a command would go through, but for the folder, which is somebody else's.
COMMANDS = {
    "train.cifar": ["--dataset=digits", "--model=resnet8", "--output_dir=others"],
    "train.imagenet": ["--dataset=digits", "--model=resnet8", "--output_dir=others"],
    "train.finetune": ["--dataset=photos", "--model=resnet8", "--output_dir=others"],
    "train.tune": ["--dataset=digits", "--model=resnet8", "--output_dir=others", "--epochs=1"],
    "train.reproduce": ["--dataset=digits", "--budget=minutes", "--output_dir=others"],
    "train.evaluate": ["--run=others"],
    "train.export": ["--run=others", "--formats=float32"],
    "train.predict": ["--run=others", "image.png"],
    "train.analyze": ["--run=others", "--what=responses"],
    "train.convert": ["--source=noise.bin", "--target=out.keras"],
}
LEFT_OUT = {"devices", "coordinator"}  # their values change the whole process
ALSO = {"output_dir": ["--dataset=photos"]}  # whose images cannot be read: nothing is trained
FUNCTIONS = ("keras_resnet", "keras_resnet.export", "keras_resnet.families")
BUILDER = "ResNet8"  # for all of its kind


def objects(folder: Path) -> list:
    """Values of many kinds, none of which is what a function wants, unless by chance."""
    import numpy as np

    return [
        None, True, 0, -1, 3, 1.5, float("nan"), float("inf"), 10**30, "", "x", "x" * 5000, b"x",
        [], {}, (), [1, 2], {"a": 1}, object(), int, len, np.zeros((2, 2)), np.float32("nan"),
        np.array(["a"]), folder, folder / "missing", folder / "noise.bin", folder / "fifo",
        str(folder / "noise.h5"), str(folder / "noise.safetensors"), str(folder / "noise.keras"),
    ]  # fmt: skip


def make_place(folder: Path) -> None:
    """A folder with what the texts name."""
    folder.mkdir()
    for name in ("folder", "empty", "others", "locked", "photos/train/cat", "photos/test/cat"):
        (folder / name).mkdir(parents=True)
    (folder / "others/diary.txt").write_text("dear diary")
    (folder / "folder/run.json").mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "deep.json").write_text("[" * 100_000)
    noise = Random(0).randbytes(5000)
    for name in ("noise.bin", "noise.h5", "noise.safetensors", "noise.keras", "image.png"):
        (folder / name).write_bytes(noise)
    (folder / "photos/train/cat/a.png").write_bytes(noise)
    (folder / "locked").chmod(0)


def snapshot(folder: Path) -> dict[str, tuple]:
    """What is in a folder: by name, the kind, the size and the time of the last change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        is_file = stat.S_ISREG(status.st_mode)
        about = (status.st_size, status.st_mtime_ns) if is_file else ()
        found[str(path.relative_to(folder))] = (stat.S_IFMT(status.st_mode), *about)
    return found


def commands(place: str, names: str, share: str, seed: str) -> Iterator[tuple[str, Callable]]:
    """Commands, `a,b,c`, with a wrong value for one flag after the other; of all pairs a share."""
    for name in names.split(","):
        yield from _command(place, name, share, seed)


def _command(place: str, name: str, share: str, seed: str) -> Iterator[tuple[str, Callable]]:
    command = import_module(name)
    base, chance = COMMANDS[name], Random(int(seed))
    flags = [flag for flag in command.COMMAND.flags if flag not in LEFT_OUT]
    rows = [[*ALSO.get(flag, ()), f"--{flag}={text}"] for flag in flags for text in TEXTS]
    rows += [[text] for text in TEXTS] + [[f"--{flag}"] for flag in flags] + [[]]
    rows = [row for row in rows if chance.random() < float(share)]
    os.chdir(place)
    for row in rows:
        call = partial(command.COMMAND.start, command.main, [*base, *row])
        yield f"{name} {row}"[:200], partial(unless_refused, Path(place), call)


def functions(place: str, names: str, share: str, seed: str) -> Iterator[tuple[str, Callable]]:
    """Public functions of modules, `a,b,c`, with a wrong value for one argument after the other."""
    for name in names.split(","):
        yield from _functions(place, name, share, seed)


def _functions(place: str, name: str, share: str, seed: str) -> Iterator[tuple[str, Callable]]:
    module, chance = import_module(name), Random(int(seed))
    values = objects(Path(place))
    os.chdir(place)
    for public in sorted({*module.__all__}):
        function = getattr(module, public)
        another = hasattr(function, "spec") and public != BUILDER
        if not callable(function) or another or inspect.isclass(function):
            continue
        names = [
            p for p in inspect.signature(function).parameters.values() if p.kind != p.VAR_KEYWORD
        ]
        for parameter in names:
            for value in values:
                if chance.random() >= float(share):
                    continue
                call = partial(_call, function, names, parameter, value)
                title = f"{name}.{public}({parameter.name}={value!r})"[:200]
                yield title, partial(unless_refused, Path(place), call)


def _call(function: Callable, parameters: list, wrong, value: object) -> object:
    """A call with one wrong argument; those that must be given are simple and right."""
    import keras_resnet

    right = {
        "spec": lambda: keras_resnet.SPECS["ResNet8"], "model": keras_resnet.ResNet8,
        "path": lambda: "missing.keras", "source": lambda: "missing.keras",
        "classes": lambda: 3, "folder": lambda: "empty",
        "config": lambda: keras_resnet.SPECS["ResNet8"], "depth": lambda: 8,
        "content": lambda: keras_resnet.families.to_json(keras_resnet.SPECS["ResNet8"]),
    }  # fmt: skip
    given = {
        p.name: right[p.name]()
        for p in parameters
        if p.default is p.empty and p.name in right and p.kind != p.VAR_POSITIONAL
    }
    return function(**given | {wrong.name: value})


def unless_refused(place: Path, call: Callable) -> object:
    """Makes a call that may write files only if it succeeds."""
    before = snapshot(place)
    try:
        return call()
    except BaseException as error:
        if getattr(error, "code", 1) and (changed := snapshot(place).items() ^ before.items()):
            raise AssertionError(f"files were changed: {sorted(changed)[:5]}") from error
        raise


def clean(place: Path) -> None:
    """Removes a place, with what is locked in it."""
    (place / "locked").chmod(0o700)
    shutil.rmtree(place)
