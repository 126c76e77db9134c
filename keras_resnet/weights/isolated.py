"""Reads a file of Keras in a process of its own, bounded in time and memory.

libhdf5 reads some damaged files for ever and crashes on others, and nothing within a process can
end that. Files whose checksum is known to be right need it not: `readers.read` is faster.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors import safe_open
from safetensors.numpy import save_file

from keras_resnet.utils.errors import InputError
from keras_resnet.weights import readers
from keras_resnet.weights.readers import KerasFile, Weights

# The processor's time that a file may take: so long, and for its size. A busy machine takes longer.
SECONDS, BYTES_A_SECOND, BUSY = 15, 5e6, 20
MEMORY, COPIES = 4 * 2**30, 10  # the address space: so much, and so many times the file's size
ENDLESS = "the library that reads it does not come to an end."
ROOT = str(Path(__file__).parents[2])


def read(path: Path) -> KerasFile:
    """The same as `readers.read`.

    Raises:
        InputError: if the file cannot be read, whatever it is that the library does.
    """
    with TemporaryDirectory() as folder:
        target = Path(folder, "arrays")
        _run(path, target)
        with safe_open(target, "numpy") as file:
            names, ordered, config = json.loads(file.metadata()["names"])
            weights: Weights = {layer: {} for layer, _ in names}
            for number, (layer, variable) in enumerate(names):
                weights[layer][variable] = file.get_tensor(str(number))
    return KerasFile(weights, ordered, config)


def check(path: Path) -> None:
    """The same as `readers.check`.

    Raises:
        InputError: if the file cannot be read, whatever it is that the library does.
    """
    _run(path)


def _run(path: Path, *target: Path) -> None:
    """Runs `main` in the other process, and says in a sentence how that ended if not well."""
    size = path.stat().st_size
    code = f"import sys; sys.path.insert(0, {ROOT!r}); import {__name__} as it; it.main()"
    seconds = SECONDS + round(size / BYTES_A_SECOND)
    command = [sys.executable, "-c", code, *map(str, (path.resolve(), size, seconds, *target))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUSY * seconds)
    except subprocess.TimeoutExpired:
        raise InputError(ENDLESS) from None
    if done.returncode == -getattr(signal, "SIGXCPU", 0):
        raise InputError(ENDLESS)
    if done.returncode < 0:
        raise InputError(f"the library that reads it crashed (signal {-done.returncode}).")
    if done.returncode:
        raise InputError(done.stderr.strip().split("\n")[-1])


def main() -> None:
    """In the other process: reads, and writes plain arrays if there is a target for them."""
    path, size, seconds, *target = sys.argv[1:]
    if sys.platform != "darwin":  # which reserves hundreds of GiB, and refuses smaller limits
        _limit("RLIMIT_AS", MEMORY + COPIES * int(size))
    _limit("RLIMIT_CPU", int(seconds))
    try:
        _write(readers.read(Path(path)), target[0]) if target else readers.check(Path(path))
    except Exception as error:  # whatever the libraries make of it
        sys.exit(
            f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)
        )


def _limit(kind: str, most: int) -> None:
    """Limits a resource of this process, where that can be done; a lower limit stays."""
    try:
        import resource
    except ImportError:  # Windows
        return
    which = getattr(resource, kind)
    soft, hard = resource.getrlimit(which)
    if soft == resource.RLIM_INFINITY or soft > most:
        resource.setrlimit(which, (most, hard))


def _write(content: KerasFile, target: str) -> None:
    weights, ordered, config = content
    names = [(layer, variable) for layer, there in weights.items() for variable in there]
    arrays = [readers.checked(weights[layer][variable], layer) for layer, variable in names]
    metadata = {"names": json.dumps([names, ordered, config])}
    save_file(dict(zip(map(str, range(len(names))), arrays, strict=True)), target, metadata)
