"""State dicts of Torch as plain arrays, of safetensors and of `torch.save`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet.utils.errors import InputError, shorten_list
from keras_resnet.weights import torch_files
from keras_resnet.weights.readers import checked

State = dict[str, np.ndarray]  # by Torch's name of the array


def read(path: Path) -> State:
    """Reads a state dict, which may be one entry of a training's checkpoint.

    Args:
        path: `.safetensors`, or a file of `torch.save`; torch is not needed.

    Raises:
        InputError: if it holds none, or several.
        Exception: whatever the libraries make of a damaged file.
    """
    content = _safetensors(path) if path.suffix == ".safetensors" else torch_files.load(path)
    found = dict(_state_dicts(content))
    if not found:
        kind = shorten_list(list(map(str, content))) if isinstance(content, dict) else type(content)
        raise InputError(f"it is no state dict, as it holds {kind or 'nothing'}.")
    if len(found) > 1:
        names = " and ".join(map(repr, found))
        raise InputError(f"it holds {len(found)} state dicts, {names}: save one alone.")
    (state,) = found.values()
    return {name: checked(array, name) for name, array in state.items()}


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return load_file(path)


def _state_dicts(
    content: Any, name: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, State]]:
    """Dictionaries with the kernel of a convolution among their values, at any depth, each once.

    Those of an optimizer have its moments, of the same shapes, by other names.
    """
    seen = set() if seen is None else seen
    if not isinstance(content, dict) or id(content) in seen:
        return
    seen.add(id(content))
    arrays = {str(key): part for key, part in content.items() if isinstance(part, np.ndarray)}
    if any(array.ndim == 4 and key.endswith("weight") for key, array in arrays.items()):
        yield name, arrays
    for key, part in content.items():
        yield from _state_dicts(part, f"{name}.{key}" if name else str(key), seen)
