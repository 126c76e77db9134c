"""Files of torch, read without it."""

import os
import pickle
import sys
import zipfile

import numpy as np
import pytest

from keras_resnet import InputError
from keras_resnet.weights import state
from keras_resnet.weights.torch_files import Storage, Tensor, _Resolver, load
from tests.keras_resnet.weights.torch_writer import write, write_plain

pytestmark = pytest.mark.unit
STATE = {
    "conv.weight": np.arange(24, dtype="float32").reshape(2, 3, 2, 2),
    "bn.num_batches_tracked": np.array(7),
    "bn.bias": np.array([0.5, -1.5], "float16"),
}


@pytest.mark.parametrize(
    "writer", [write, write_plain, lambda path, content: write(path, content, parameters=True)]
)
def test_every_form_gives_the_arrays(writer, tmp_path):
    writer(tmp_path / "x.pth", {"epoch": 3, "best": 0.5, "model": STATE})
    found = state.read(tmp_path / "x.pth")
    assert found.keys() == STATE.keys()
    for name, array in STATE.items():
        np.testing.assert_array_equal(found[name], array)
    assert found["bn.bias"].dtype == "float32"
    assert "torch" not in sys.modules


def test_of_two_networks_none_is_taken(tmp_path):
    write(tmp_path / "x.pth", {"model": STATE, "model_ema": STATE})
    with pytest.raises(InputError, match="2 state dicts, 'model' and 'model_ema': save one alone"):
        state.read(tmp_path / "x.pth")


def test_no_code_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/harm",)

    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil()))
    with zipfile.ZipFile(tmp_path / "archive.pth", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps({"a": Evil()}))
    for name in ("plain.pth", "archive.pth"):
        with pytest.raises(pickle.UnpicklingError, match="system is no part of a tensor"):
            load(tmp_path / name)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("shape", "old"), [((2, 3, 2, 2), (10**6, 3, 2, 2)), ((2, 3, 2, 2), (2, 3, 2, 9))]
)
def test_a_tensor_beyond_its_storage_is_refused(shape, old, tmp_path):
    write(tmp_path / "x.pth", {"conv.weight": np.zeros(shape, "float32")})
    with zipfile.ZipFile(tmp_path / "x.pth") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    there, here = pickle.dumps(shape, 2)[2:-1], pickle.dumps(old, 2)[2:-1]
    assert there in parts["archive/data.pkl"]
    parts["archive/data.pkl"] = parts["archive/data.pkl"].replace(there, here)
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    with pytest.raises(ValueError, match="is not in its storage"):
        load(tmp_path / "x.pth")


@pytest.mark.parametrize("content", [{}, {"a": 1}, {"state_dict": {"a": np.zeros(3, "float32")}}])
def test_what_holds_no_convolution_is_no_state_dict(content, tmp_path):
    write(tmp_path / "x.pth", content)
    with pytest.raises(InputError, match="it is no state dict, as it holds"):
        state.read(tmp_path / "x.pth")


def test_numbers_that_are_not_finite_are_named(tmp_path):
    write(tmp_path / "x.pth", {"conv.weight": np.full((1, 1, 1, 1), np.nan, "float32")})
    with pytest.raises(InputError, match=r"'conv\.weight' has numbers that are not finite"):
        state.read(tmp_path / "x.pth")


def test_the_moments_of_an_optimizer_are_no_network(tmp_path):
    moments = {"state": {number: {"exp_avg": array} for number, array in enumerate(STATE.values())}}
    write(tmp_path / "x.pth", {"model": STATE, "optimizer": moments, "epoch": 3})
    assert state.read(tmp_path / "x.pth").keys() == STATE.keys()


def test_parts_in_several_places_are_read_once(tmp_path):
    """Each dictionary has the next one twice: there are 2**60 ways to the innermost."""
    content = {}
    for _ in range(60):
        content = {"x": content, "y": content}
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(content))
    with pytest.raises(InputError, match="it is no state dict"):
        state.read(tmp_path / "x.pth")


def test_many_tensors_of_the_same_numbers_are_refused():
    """Each would be a copy: a small file would fill the memory."""
    storage = Storage("0", np.dtype("<f4"), 100)
    tensors = {str(n): Tensor(storage, 0, (100,), (1,)) for n in range(9)}
    resolve = _Resolver(lambda storage: bytes(400), 400)
    assert len(resolve({str(n): tensors[str(n)] for n in range(8)})) == 8
    with pytest.raises(ValueError, match="share their numbers more than 8 times"):
        resolve(tensors)
