"""Converts weights: `python -m train.convert --source=resnet50.pth --target=resnet50.keras`.

From a checkpoint of torchvision, timm or keras-hub to Keras; from a `.keras` file to a checkpoint
that torchvision and timm load.
"""

from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import keras

from keras_resnet import deep, from_checkpoint, to_checkpoint
from keras_resnet.errors import InputError
from keras_resnet.files import replacing
from train import flags

FLAGS = flags.FLAGS
flags.DEFINE_string("source", None, "checkpoint (.safetensors, .pth, .pt, .weights.h5) or .keras.")
flags.DEFINE_string("target", None, "file to write: .keras, .weights.h5 or .safetensors.")


def _write_keras(model: keras.Model, path: Path) -> None:
    with replacing(path) as partial:
        model.save(partial)


def _write_weights(model: keras.Model, path: Path) -> None:
    with replacing(path) as partial:
        model.save_weights(partial)


WRITERS: dict[str, Callable] = {
    ".keras": _write_keras,
    ".weights.h5": _write_weights,
    ".safetensors": to_checkpoint,
}


def read(path: str) -> keras.Model:
    """The network in a checkpoint or a `.keras` file.

    Raises:
        InputError: if there is none, or it cannot be read.
    """
    if not path.endswith(".keras"):
        return from_checkpoint(path)
    try:
        with deep():
            return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(f"cannot read {path} ({error}).") from error


def main(arguments: list[str]) -> None:
    """Reads, writes, and says what was converted."""
    if arguments or not FLAGS.source or not FLAGS.target:
        raise InputError("give two files, as in --source=resnet50.pth --target=resnet50.keras.")
    write = next((w for end, w in WRITERS.items() if FLAGS.target.endswith(end)), None)
    if write is None:
        raise InputError(f"cannot write {FLAGS.target}: end its name in {', '.join(WRITERS)}.")
    model = read(FLAGS.source)
    write(model, Path(FLAGS.target))
    shape = " to ".join(str(tensor.shape[1:]) for tensor in (model.input, model.output))
    print(f"{FLAGS.target}: {model.count_params():,} parameters, {shape}")


if __name__ == "__main__":
    flags.start(main)
