"""Whole models in `.keras` files."""

from os import PathLike
from os.path import exists
from pathlib import Path
from zipfile import is_zipfile

import keras

from keras_resnet.utils.errors import InputError, sentence
from keras_resnet.utils.recursion import deep_recursion
from keras_resnet.weights import isolated


def load_model(path: str | PathLike) -> keras.Model:
    """Loads the model in a `.keras` file, however deep it is, to predict with.

    Raises:
        InputError: if the file is missing, damaged, or holds what Keras does not load.
    """
    if not exists(path):
        raise InputError(f"cannot read {path} (no such file): check the path.")
    if not is_zipfile(path):  # which Keras says of as if it were not there
        raise InputError(f"cannot read {path} (it is no .keras file, or not all of one).")
    try:
        isolated.read(Path(path))  # Keras reads it in this process, which it could crash
        with deep_recursion():
            return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras builds what the file says, which may fail in any way
        raise InputError(f"cannot read {path} ({sentence(error)}).") from error
