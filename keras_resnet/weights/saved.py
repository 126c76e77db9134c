"""Whole models in `.keras` files, with how they want their images.

A file of ours is one of Keras, which has stock layers only, with one more member in its archive:
`preprocessing.json`. Keras passes over it.
"""

import json
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import keras

from keras_resnet.imagenet_utils import with_preprocessing
from keras_resnet.spec.preprocessing import Preprocessing
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, check_type, sentence
from keras_resnet.utils.fields import check_path
from keras_resnet.utils.files import check_regular
from keras_resnet.utils.recursion import deep_recursion
from keras_resnet.utils.schema import parse, parse_json
from keras_resnet.weights import isolated

MEMBER = "preprocessing.json"
MOST_BYTES = 100_000  # of it


def load_model(path: str | PathLike) -> keras.Model:
    """Loads the model in a `.keras` file, however deep it is, to predict with.

    Args:
        path: Of ours or of anybody's.

    Returns:
        The model; with `preprocessing` and `preprocess_input` if `save_model` wrote them.

    Raises:
        InputError: if the file is missing, damaged, or holds what Keras does not load.
        TypeError: if `path` is no path.
    """
    path = check_path("path", path)
    try:
        check_regular(path)
    except FileNotFoundError:
        raise InputError(f"cannot read {path} (no such file): check the path.") from None
    if not is_zipfile(path):  # which Keras says of as if it were not there
        raise InputError(
            f"cannot read {path} (it is no .keras file, or not all of one): save it again."
        )
    try:
        isolated.check(path)  # Keras reads it in this process, which it could crash
        with deep_recursion():
            model = keras.saving.load_model(path, compile=False)
        return with_preprocessing(model, read_preprocessing(path))
    except Exception as error:  # Keras builds what the file says, which may fail in any way
        raise InputError(f"cannot read {path} ({sentence(error)}): save it again.") from error


def save_model(model: keras.Model, path: str | PathLike) -> None:
    """Writes a `.keras` file that Keras loads, too, with `model.preprocessing` if it has that.

    Args:
        model: Any.
        path: Ending in `.keras`; replaced only once complete.

    Raises:
        InputError: if the name ends in anything else.
        TypeError: if `model` is no `keras.Model`, or `path` no path.
    """
    check_type("model", model, keras.Model, "a keras.Model")
    path = check_path("path", path)
    if path.suffix != ".keras":
        raise InputError(f"cannot write {path}: end its name in .keras.")
    preprocessing = getattr(model, "preprocessing", None)
    with replacing(path) as partial, deep_recursion():
        model.save(partial)
        if isinstance(preprocessing, Preprocessing):
            with ZipFile(partial, "a") as archive:
                archive.writestr(MEMBER, json.dumps(asdict(preprocessing)))


def read_preprocessing(path: Path) -> Preprocessing | None:
    """How the model in a file wants its images, if `save_model` wrote it in.

    Raises:
        InputError: if what is there is not that.
    """
    if not is_zipfile(path):  # as `.weights.h5`
        return None
    with ZipFile(path) as archive:
        if MEMBER not in archive.namelist():
            return None
        if archive.getinfo(MEMBER).file_size > MOST_BYTES:
            raise InputError(f"its {MEMBER} is too large to be ours")
        return parse(Preprocessing, parse_json(archive.read(MEMBER), MEMBER), MEMBER)
