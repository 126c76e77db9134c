"""Weight files of Keras and Torch as plain arrays."""

import zipfile
from pathlib import Path
from pickle import UnpicklingError

import h5py
import numpy as np

from keras_resnet.utils.errors import InputError, shorten_list

Weights = dict[str, dict[str, np.ndarray]]  # by name of the layer, then of the variable
State = dict[str, np.ndarray]  # by Torch's name of the array
HEAD = "predictions"  # the layer of the classes


def read_keras(path: Path) -> tuple[Weights, bool]:
    """Reads a `.keras` file: an archive with a `.weights.h5` file in it, see `read_h5`."""
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file:
        return read_h5(file)


def read_h5(file) -> tuple[Weights, bool]:
    """Reads a `.weights.h5` file of Keras 3, or a `.h5` file of any Keras, weights or model.

    Args:
        file: A path or an open file.

    Returns:
        The arrays, and whether they are in the order of the layers: files of Keras 3 do not say.

    Raises:
        InputError: if arrays are not simply in the file, which no Keras does.
        OSError, KeyError: if it is not such a file.
    """
    with h5py.File(file) as root:
        if "layers" in root:
            return _keras3(root["layers"]), False
        return _legacy(root.get("model_weights", root)), True


_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
# Files of Keras 3 name groups by class, `conv2d_5`, and only count the variables of a layer.
_VARIABLES = {
    "conv2d": ("kernel", "bias"), "dense": ("kernel", "bias"), "batch_normalization": _NORM,
}  # fmt: skip


def _keras3(root: h5py.Group) -> Weights:
    weights: Weights = {}
    for key, dataset in _datasets(root):
        name = dataset.parent.attrs.get("name")
        if name is None:
            raise InputError(
                f"{root.file.filename} names no layers: it was written by an early Keras 3; load "
                "it with model.load_weights(), and save it again."
            )
        *_, group, _, index = key.split("/")
        names = _VARIABLES.get(group.rstrip("_0123456789"), ())
        variable = names[int(index)] if int(index) < len(names) else index
        weights.setdefault(name, {})[variable] = dataset[()]
    return weights


def _legacy(root: h5py.Group) -> Weights:
    weights: Weights = {name: {} for name in _layer_names(root)}
    for key, dataset in _datasets(root):
        layer, variable = key.split("/")[0], key.split("/")[-1]
        if layer not in weights or layer == key:
            raise InputError(f"{root.file.filename} holds {key!r}, which belongs to no layer.")
        weights[layer][variable.removesuffix(":0")] = dataset[()]
    return {name: variables for name, variables in weights.items() if variables}


def _layer_names(root: h5py.Group) -> list[str]:
    """The layers in order; of deep networks the list is cut into numbered attributes."""
    parts = sorted(
        (key for key in root.attrs if key.startswith("layer_names")),
        key=lambda key: (len(key), key),
    )
    return [
        getattr(name, "decode", lambda n=name: n)() for key in parts for name in root.attrs[key]
    ]


def _datasets(root: h5py.Group) -> list[tuple[str, h5py.Dataset]]:
    """All arrays below a group that are simply there; links to elsewhere are not followed."""
    found: list[tuple[str, h5py.Dataset]] = []
    root.visititems(lambda key, node: found.append((key, node)))
    arrays = [(key, node) for key, node in found if isinstance(node, h5py.Dataset)]
    for key, array in arrays:
        # As Keras does: a few bytes could stand for any amount of memory, or for another file.
        if array.external or array.is_virtual or array.nbytes > 1000 * array.id.get_storage_size():
            raise InputError(f"{root.file.filename}: array {key!r} is not stored in the file.")
    return arrays


def read_state(path: Path) -> State:
    """Reads a state dict of Torch.

    Args:
        path: `.safetensors`, which needs no torch; or else a file that torch reads.

    Raises:
        InputError: if it cannot be read, or a package to read it is not installed.
    """
    try:
        state = _load_safetensors(path) if path.suffix == ".safetensors" else _load_torch(path)
    except ImportError as error:
        raise InputError(
            f"reading {path} needs {error.name}: pip install {error.name}, or "
            "'keras-resnet-family[torch]'."
        ) from error
    except UnpicklingError as error:
        raise InputError(
            f"{path} holds more than weights, so it is not opened: it could run code."
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"cannot read weights from {path}: {error}.") from error
    # Training on several devices puts a prefix before all names.
    return {name.removeprefix("module."): array for name, array in state.items()}


def _load_safetensors(path: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(error) from error


def _load_torch(path: Path) -> State:
    import torch

    loaded = torch.load(path, map_location="cpu", weights_only=True)
    for wrapper in ("state_dict", "model"):  # of the training scripts of timm and torchvision
        loaded = loaded.get(wrapper, loaded) if isinstance(loaded, dict) else {}
    others = [str(name) for name, value in loaded.items() if not isinstance(value, torch.Tensor)]
    if others or not loaded:
        raise ValueError(f"it is no state dict, as it holds {shorten_list(others) or 'no names'}")
    return {name: tensor.float().numpy() for name, tensor in loaded.items()}
