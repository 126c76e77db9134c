"""Converts weights: `python -m train.convert --source=resnet50.pth --target=resnet50.keras`.

From a checkpoint of torchvision, timm or keras-hub, or a ResNet on the Hugging Face Hub
(`--source=hf://timm/resnet18.a1_in1k`), to Keras; from a `.keras` file to a checkpoint that
torchvision and timm load. A `.keras` file written here keeps how its images are prepared.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras_resnet
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, sentence
from train import flags
from train.utils.quiet import quiet

if TYPE_CHECKING:
    import keras

COMMAND = flags.Command("train.convert", __doc__)
COMMAND.add(
    str,
    "source",
    None,
    "checkpoint (.safetensors, .pth, .pt, .weights.h5), .keras, run folder, or hf://OWNER/NAME",
    **flags.PATH,
)
COMMAND.add(str, "target", None, "file to write: .keras, .weights.h5 or .safetensors", **flags.PATH)


def _write_keras(model: "keras.Model", path: Path) -> None:
    keras_resnet.save_model(model, path)


def _write_weights(model: "keras.Model", path: Path) -> None:
    with replacing(path) as partial:
        model.save_weights(partial)


def _write_checkpoint(model: "keras.Model", path: Path) -> None:
    keras_resnet.to_checkpoint(model, path)


WRITERS: dict[str, Callable] = {
    ".keras": _write_keras,
    ".weights.h5": _write_weights,
    ".safetensors": _write_checkpoint,
}


def read(path: str) -> "keras.Model":
    """The network in a checkpoint or a `.keras` file.

    Raises:
        InputError: if there is none, or it cannot be read.
    """
    with quiet():  # imports Keras
        from keras_resnet.weights.saved import load_model
    if path.endswith(".keras"):
        return load_model(path)
    return keras_resnet.from_checkpoint(path)


def run(**settings: Any) -> "keras.Model":
    """Converts weights, as the command does.

    Args:
        **settings: `source` and `target`.

    Returns:
        The network.

    Raises:
        InputError: if a file cannot be read or written.
    """
    return COMMAND.run(main, settings)


def main(values: flags.Values) -> "keras.Model":
    """Reads, writes, and says what was converted."""
    source, target = values.source, values.target
    if values.arguments or not source or not target:
        raise InputError("give two files, as in --source=resnet50.pth --target=resnet50.keras.")
    write = next((w for end, w in WRITERS.items() if target.endswith(end)), None)
    if write is None:
        raise InputError(f"cannot write {target}: end its name in {', '.join(WRITERS)}.")
    model = read(source)
    try:
        write(model, Path(target))
    except OSError as error:
        reason = error.strerror or sentence(error)
        raise InputError(f"cannot write {target} ({reason}): choose another --target.") from error
    shape = " to ".join(str(tensor.shape[1:]) for tensor in (model.input, model.output))
    print(f"{target}: {model.count_params():,} parameters, {shape}")
    if preprocessing := getattr(model, "preprocessing", None):
        print(f"images: {preprocessing}")
    return model


if __name__ == "__main__":
    COMMAND.start(main)
