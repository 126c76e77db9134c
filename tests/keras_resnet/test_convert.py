"""Weights of other packages: the recordings say what their networks compute, see `record.py`."""

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from keras_resnet import (
    InputError,
    ResNet,
    ResNet18,
    ResNet18V2,
    ResNet20,
    ResNet34,
    ResNet50,
    from_checkpoint,
    imagenet,
    open_weights,
    to_checkpoint,
)
from keras_resnet.spec.preprocessing import MODES
from tests.recordings.record import NETWORKS, array, images
from tests.recordings.record import checkpoint as rebuilt

RECORDINGS = Path(__file__).parent.parent / "recordings"
SMALL = {
    "torchvision_resnet18",
    "timm_resnet18d",
    "timm_resnetv2_18",
}  # below, a ResNet-50 is recognized, too
SLOW = pytest.mark.slow
TORCH = [
    pytest.param(name, marks=() if name in SMALL else SLOW)
    for name in (f"{package}_{n}" for package in ("torchvision", "timm") for n in NETWORKS[package])
]


def recorded(name):
    return np.load(RECORDINGS / f"{name}.npz")


def checkpoint(name):
    """The state dict of a recording, rebuilt."""
    return rebuilt(recorded(name))


def normalizes_alike(model, recording):
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            np.testing.assert_allclose(layer.epsilon, recording["epsilon"])
            np.testing.assert_allclose(layer.momentum, recording["momentum"])


@pytest.fixture(scope="module")
def state():
    """The state dict of torchvision's resnet18."""
    return checkpoint("torchvision_resnet18")


@pytest.fixture(scope="module")
def resnet18(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "resnet18.safetensors"
    save_file(state, path)
    return path


@pytest.mark.parametrize("name", TORCH)
def test_outputs_are_those_of_torch_and_the_way_back_is_exact(name, tmp_path):
    state = checkpoint(name)
    save_file(state, tmp_path / "in.safetensors")
    model = from_checkpoint(
        tmp_path / "in.safetensors", classifier_activation=None, input_shape=images().shape[1:]
    )
    outputs = model.predict_on_batch(images())
    np.testing.assert_allclose(outputs, recorded(name)["outputs"], atol=1e-4)
    normalizes_alike(model, recorded(name))
    assert model.preprocessing == MODES["tf" if "v2" in name else "torch"]

    to_checkpoint(model, tmp_path / "out.safetensors")
    again = load_file(tmp_path / "out.safetensors")
    assert again.keys() == state.keys()
    for key in state:
        np.testing.assert_array_equal(again[key], state[key])
        assert again[key].dtype == state[key].dtype


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("basic_block", "bottleneck_block_v2") else SLOW)
        for name in NETWORKS["keras_hub"]
    ],
)
def test_backbones_of_keras_hub(name, tmp_path):
    recording = recorded(f"keras_hub_{name}")
    variables = {"conv2d": ["kernel"], "batch": ["gamma", "beta", "moving_mean", "moving_variance"]}
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        rows = (recording["places"], recording["names"], recording["shapes"])
        for place, layer, shape in zip(*rows, strict=True):
            variable = variables[place.split("/")[1].split("_")[0]][int(place.split("/")[-1])]
            file[str(place)] = array(f"{layer}.{variable}", [int(k) for k in shape if k])
            file[str(place)].parent.attrs["name"] = str(layer)
    model = from_checkpoint(tmp_path / "model.weights.h5")
    outputs = model.predict_on_batch(images())[..., ::16]
    np.testing.assert_allclose(outputs, recording["outputs"], atol=1e-4)
    normalizes_alike(model, recording)
    assert model.preprocessing == MODES["tf" if "v2" in name else "torch"]


def test_a_named_network_takes_a_checkpoint_that_fits(resnet18):
    path = resnet18
    model = ResNet18(weights=path)
    other = from_checkpoint(path)
    assert model.output_shape == (None, 1000)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_of_another_network_is_refused(resnet18, tmp_path):
    with pytest.raises(InputError, match=r"blocks \(2, 2, 2, 2\), and resnet34 has \(3, 4, 6, 3\)"):
        ResNet34(weights=resnet18)
    with pytest.raises(
        InputError, match="with activation_order 'original', and resnet18v2 has 'full_preact'"
    ):
        ResNet18V2(weights=resnet18)
    save_file(checkpoint("torchvision_resnet50"), tmp_path / "r50.safetensors")
    # The shapes would fit, and the outputs would be wrong.
    with pytest.raises(
        InputError, match=r"with block 'bottleneck_v1\.5', and resnet has 'bottleneck'"
    ):
        ResNet(imagenet(50), weights=tmp_path / "r50.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer1.0.se.fc1.weight": (4, 64, 1, 1)}, "no network of this family has: layer1.0.se"),
        (
            {"layer1.0.bn1.running_var": None},
            r"moving_variance of layer 'conv2_block1_1_bn' is missing in the file, \(64,\) here",
        ),
        ({"layer3.1.conv2.weight": None}, "the file has no layer 'conv4_block2_2_conv'"),
        (
            {"layer2.0.conv1.weight": (128, 32, 3, 3)},
            r"the kernel of layer 'conv3_block1_1_conv' is \(3, 3, 32, 128\) in the file",
        ),
        (
            {"conv1.weight": (64, 3, 5, 5)},
            r"kernels of its stem and first block are \(5, 5, 3, 64\)",
        ),
        ({"conv1.weight": None}, r"kernels of its stem and first block are \(3, 3, 64, 64\)"),
        ({"layer1.0.conv2.weight": (192, 64, 3, 3)}, r"kernels \(3, 3\) and widen 3 times"),
    ],
)
def test_what_does_not_fit_is_named(change, message, state, tmp_path):
    state = dict(state)
    for name, shape in change.items():
        state.pop(name, None)
        if shape:
            state[name] = array(name, shape)
    path = tmp_path / "changed.safetensors"
    save_file(state, path)
    with pytest.raises(InputError, match=message) as error:
        from_checkpoint(path)
    assert str(path) in str(error.value)


def test_unreadable_files(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(InputError, match="cannot read weights"):
        from_checkpoint(path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="cannot read weights"):
        from_checkpoint(path)
    with pytest.raises(InputError, match=r"use a file .keras, .h5"):
        from_checkpoint(tmp_path / "x.ckpt")
    ResNet20().save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(InputError, match="does not say what network it is of"):
        from_checkpoint(tmp_path / "x.weights.h5")


def with_gelu(model):
    def copy(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.Activation):
            config["activation"] = "gelu"
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=copy)


def test_only_networks_that_torch_has_are_written(tmp_path):
    path = tmp_path / "x.safetensors"
    for model, message in (
        (
            ResNet50(blocks=(1, 1, 1, 1), width_multiplier=0.25),
            r"the bias of layer 'conv1_conv' is \(16,\) in the file, missing here",
        ),
        (ResNet20(), "its stem is for small images"),
        (
            ResNet(imagenet(18, shortcut="C", width_multiplier=0.25)),
            "a file of resnet would be .*: the file has a layer 'conv2_block1_0_conv' which the",
        ),
        (with_gelu(ResNet18(width_multiplier=0.25)), "'conv2_block1_1_conv' takes something else"),
        *(
            (
                ResNet(imagenet(18, shortcut=option, width_multiplier=0.25)),
                "no projection shortcuts",
            )
            for option in ("A", "none")
        ),
        (keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)]), "first block are none"),
    ):
        with pytest.raises(InputError, match=message):
            to_checkpoint(model, path)
        assert not path.exists()


def test_where_a_checkpoint_is_written(resnet18, tmp_path):
    model = ResNet18(weights=resnet18)
    with pytest.raises(InputError, match=r"end its name in \.safetensors"):
        to_checkpoint(model, tmp_path / "x.pth")
    to_checkpoint(model, tmp_path / "a new folder" / "x.safetensors")
    assert (tmp_path / "a new folder" / "x.safetensors").read_bytes() == resnet18.read_bytes()


def test_a_folder_is_never_replaced_by_a_file(resnet18, tmp_path):
    folder = tmp_path / "models.safetensors"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is a folder"):
        to_checkpoint(ResNet18(weights=resnet18), folder)
    assert (folder / "thesis.txt").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"widths": (16, 25, 50, 100)},
        pytest.param({"widths": (16, 32, 64, 128), "width_multiplier": 0.5}, marks=SLOW),
        {"widths": (16, 32, 64, 128), "width_multiplier": 1.5},
        {"widths": (8, 16, 32, 64), "output_stride": 8},  # torchvision dilates by an argument, too
    ],
)
def test_other_widths_come_back(changes, tmp_path):
    path, model = tmp_path / "x.safetensors", ResNet18(**changes, include_top=False, pooling="avg")
    to_checkpoint(model, path)
    again = from_checkpoint(path, pooling="avg")
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    ResNet18(**changes, include_top=False, weights=path)


def test_a_head_without_its_kernel_is_named(state, tmp_path):
    # The prefix is that of training on several devices.
    headless = {f"module.{name}": value for name, value in state.items() if name != "fc.weight"}
    save_file(headless, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="the kernel of layer 'predictions' is missing"):
        from_checkpoint(tmp_path / "x.safetensors")


def test_half_precision_checkpoints_load(resnet18, tmp_path):
    state = {key: value.astype("float16") for key, value in load_file(resnet18).items()}
    save_file(state, tmp_path / "half.safetensors")
    model = from_checkpoint(tmp_path / "half.safetensors", input_shape=(32, 32, 3))
    kernel = model.get_layer("conv1_conv").kernel
    assert kernel.dtype == "float32"
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(kernel).transpose(3, 2, 0, 1), state["conv1.weight"]
    )


def test_weights_are_not_loaded_into_another_network_of_the_same_shapes(tmp_path):
    small = {"widths": (8, 16, 32, 64), "blocks": (1, 1, 1, 1), "input_shape": (64, 64, 3)}
    spec = imagenet(50, block="bottleneck_v1.5", **small)
    to_checkpoint(ResNet(spec), tmp_path / "x.safetensors")
    opened = open_weights(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"has spacing \(4, 4\) there, and \(8, 8\) here"):
        opened.load_into(ResNet(imagenet(50, block="bottleneck", **small)))
    with pytest.raises(TypeError, match=r"must be a keras\.Model; got 'x'"):
        opened.load_into("x")
    opened.load_into(ResNet(spec))


def test_a_checkpoint_without_head_gets_one_if_that_is_asked_for(resnet18, tmp_path):
    state = {k: v for k, v in load_file(resnet18).items() if not k.startswith("fc.")}
    save_file(state, tmp_path / "body.safetensors")
    assert len(from_checkpoint(tmp_path / "body.safetensors").output_shape) == 4
    assert from_checkpoint(tmp_path / "body.safetensors", classes=5).output_shape == (None, 5)
    logits = from_checkpoint(tmp_path / "body.safetensors", classifier_activation=None)
    assert logits.layers[-1].activation is keras.activations.linear
    with pytest.raises(InputError, match="leave weights= out"):
        from_checkpoint(resnet18, weights="imagenet")
