"""HDF5 files of strangers: read in another process, or refused in a line."""

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_resnet import InputError
from keras_resnet.weights import isolated
from keras_resnet.weights.loading import read

pytestmark = pytest.mark.unit
SHIPPED = Path(__file__).parents[3] / "saved_models/pretrained/lean_cifar10/model.weights.h5"


def stored(path, value=None, name="conv1_conv"):
    """A file of Keras 3 with one array."""
    with h5py.File(path, "w") as file:
        place = file.create_group("layers/conv2d/vars")
        place.attrs["name"] = name
        if value is not None:
            place["0"] = value
    return path


def changed(path, key, value):
    with h5py.File(stored(path, np.ones(3)), "r+") as file:
        file[key] = file["layers"] if value is None else value


def archived(path, method):
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("config.json", "{}")
        file.writestr("model.weights.h5", bytes(10_000_000))


VARS = "layers/conv2d/vars"
HOSTILE = {
    "complex.h5": (lambda p: stored(p, np.ones(3, "complex64")), "is of complex64"),
    "nan.h5": (lambda p: stored(p, np.full(3, np.nan)), "numbers that are not finite"),
    "name.h5": (lambda p: stored(p, np.ones(3), np.ones(2)), "unhashable"),
    "outside.h5": (lambda p: changed(p, f"{VARS}/1", h5py.ExternalLink("x.h5", "x")), "is a link"),
    "soft.h5": (lambda p: changed(p, f"{VARS}/1", h5py.SoftLink("/layers")), "is a link"),
    "cycle.h5": (lambda p: changed(p, f"{VARS}/again", None), "is twice in the file|again"),
    "lzma.keras": (lambda p: archived(p, zipfile.ZIP_LZMA), "compressed a thousand times"),
    "bomb.keras": (lambda p: archived(p, zipfile.ZIP_DEFLATED), "compressed a thousand times"),
    "none.keras": (lambda p: p.write_bytes(b"no archive"), "not a zip file"),
    "cut.h5": (lambda p: p.write_bytes(stored(p, np.ones(999)).read_bytes()[:3000]), "trunc"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_refused_in_a_line(name, tmp_path):
    make, message = HOSTILE[name]
    make(tmp_path / name)
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_file_that_is_read_for_ever_is_given_up(monkeypatch, tmp_path):
    whole, path = SHIPPED.read_bytes(), tmp_path / "hangs.weights.h5"
    path.write_bytes(whole[:2560] + bytes(512) + whole[3072:])  # HDF5's table of links is lost
    monkeypatch.setattr(isolated, "SECONDS", 3)
    with pytest.raises(InputError, match="does not come to an end"):
        read(path)


def test_a_lower_limit_of_memory_stays(fresh_python, tmp_path):
    """As of `ulimit -v`, which nobody may raise."""
    path = stored(tmp_path / "x.h5", np.ones(3))
    code = """
import pathlib, resource, sys
from keras_resnet.weights.isolated import read
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
print(*read(pathlib.Path(sys.argv[1])).weights)
"""
    assert fresh_python("-c", code, path).stdout.strip() == "conv1_conv"


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "bfloat16"])
def test_what_crosses_processes_is_what_was_stored(kind, tmp_path):
    whole = np.arange(6, dtype="float32").reshape(2, 3) / 4
    half = (whole.view("uint32") >> 16).astype("uint16").view("V2")  # as Keras has bfloat16
    path = stored(tmp_path / "x.h5", half if kind == "bfloat16" else whole.astype(kind))
    if kind == "bfloat16":
        with h5py.File(path, "r+") as file:
            file[f"{VARS}/0"].attrs["dtype"] = kind
    np.testing.assert_array_equal(read(path).weights["conv1_conv"]["kernel"], whole)


@pytest.mark.parametrize("path", ["x" * 5000 + ".h5", "missing.h5", "\0.h5", 3, None])
def test_what_is_no_file_is_said(path):
    with pytest.raises(InputError, match="cannot read weights from"):
        read(path)
