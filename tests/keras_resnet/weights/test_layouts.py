"""Checkpoints as people bring them: prefixes, other names, CIFAR networks, transformers."""

import logging

import keras
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import save_file

from keras_resnet import InputError, ResNet, ResNet8, Spec, from_checkpoint
from keras_resnet.spec.preprocessing import MODES
from keras_resnet.weights import layouts
from tests.keras_resnet.weights.torch_writer import write

IMAGENET = Spec(
    blocks=(1, 1), widths=(8, 16), block="bottleneck_v1.5", shortcut="B", stem="imagenet",
    input_shape=(32, 32, 3), classes=5,
)  # fmt: skip


def random_weights(model):
    """Weights by which neither activations nor probabilities are saturated."""
    chance = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name == "kernel":
            value = chance.normal(0, np.prod(variable.shape[:-1]) ** -0.5, variable.shape)
        elif variable.name in ("gamma", "moving_variance"):
            value = chance.uniform(0.5, 1.5, variable.shape)
        else:
            value = chance.normal(0, 0.3, variable.shape)
        variable.assign(value)
    return {
        layer.name: {v.name: v.numpy() for v in layer.weights}
        for layer in model.layers
        if layer.weights
    }


@pytest.fixture(scope="module")
def source():
    """A network, and its state dict as of torchvision."""
    model = ResNet(IMAGENET)
    return model, layouts.to_state(random_weights(model), layouts.TORCHVISION)


def same_outputs(model, other):
    images = np.random.default_rng(1).normal(size=(2, 32, 32, 3)).astype("float32")
    assert 0.01 < np.std(model(images)) < 0.3  # else any weights would give them
    np.testing.assert_allclose(model(images), other(images), atol=1e-5)


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [
        ("", ".pt"), ("module.", ".pth.tar"), ("_orig_mod.model.", ".th"),
        ("net.backbone.", ".safetensors"), ("model.", ".bin"),
    ],
)  # fmt: skip
def test_any_prefix_and_any_suffix(prefix, suffix, source, tmp_path):
    model, state = source
    state, path = {prefix + name: array for name, array in state.items()}, tmp_path / f"x{suffix}"
    save_file(state, path) if suffix == ".safetensors" else write(path, {"state_dict": state})
    found = from_checkpoint(path, input_shape=(32, 32, 3))
    same_outputs(model, found)


@pytest.mark.parametrize("head", ["linear", "fc.1", "classifier", "classifier.0"])
def test_the_head_may_have_another_name(head, source, tmp_path):
    model, state = source
    changed = {name.replace("fc.", f"{head}."): array for name, array in state.items()}
    write(tmp_path / "x.pth", {"model_state_dict": changed, "epoch": 3})
    same_outputs(model, from_checkpoint(tmp_path / "x.pth", input_shape=(32, 32, 3)))


def test_transformers_names(source, tmp_path):
    model, _ = source
    state = layouts.to_state(random_weights(model), layouts.TRANSFORMERS)
    renamed = {
        f"resnet.{name}" if not name.startswith("fc") else name.replace("fc", "classifier.1"): array
        for name, array in state.items()
    }
    save_file(renamed, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "resnet", "hidden_act": "relu"}')
    found = from_checkpoint(tmp_path / "model.safetensors", input_shape=(32, 32, 3))
    same_outputs(model, found)
    assert found.preprocessing == MODES["torch"]
    (tmp_path / "config.json").write_text('{"model_type": "resnet", "hidden_act": "gelu"}')
    with pytest.raises(InputError, match="says hidden_act 'gelu', and this family has no such"):
        from_checkpoint(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ('{"architecture": "resnetblur50"}', "architecture 'resnetblur50'"),
        ('{"architecture": "resnet50", "model_args": {"output_stride": 5}}', "output_stride must"),
        ('{"architecture": "resnet50", "model_args": {"act_layer": "silu"}}', "act_layer='silu'"),
        ("[" * 100_000, "is damaged"),
        ("[]", "is no JSON object"),
    ],
)
def test_a_config_of_another_network_is_refused(config, reason, source, tmp_path):
    save_file(source[1], tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(InputError, match=reason):
        from_checkpoint(tmp_path / "model.safetensors")


def test_what_is_assumed_is_said_unless_a_config_says_it(source, tmp_path, caplog):
    save_file(source[1], tmp_path / "model.safetensors")
    with caplog.at_level(logging.WARNING, "keras_resnet"):
        from_checkpoint(tmp_path / "model.safetensors")
    assert "is taken for a plain ResNet of torchvision or timm" in caplog.text
    caplog.clear()
    (tmp_path / "config.json").write_text('{"architecture": "resnet50"}')
    with caplog.at_level(logging.WARNING, "keras_resnet"):
        from_checkpoint(tmp_path / "model.safetensors")
    assert caplog.text == ""


def test_two_networks_in_a_state_dict_are_refused(source, tmp_path):
    state = {f"{prefix}.{name}": a for prefix in ("q", "k") for name, a in source[1].items()}
    write(tmp_path / "x.pth", state)
    with pytest.raises(InputError, match=r"2 networks, with 'q\.' and 'k\.' before their names"):
        from_checkpoint(tmp_path / "x.pth")


def akamaster(state, x):
    """The network of akamaster/pytorch_resnet_cifar10: shortcuts pad on both sides."""

    def conv(x, name, stride=1):
        x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        kernel = state[f"{name}.weight"].transpose(2, 3, 1, 0)
        return ops.conv(x, kernel, stride, "valid", "channels_last")

    def bn(x, name):
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        gamma, beta = state[f"{name}.weight"], state[f"{name}.bias"]
        return ops.batch_normalization(x, mean, variance, -1, beta, gamma, 1e-5)

    x = ops.relu(bn(conv(x, "conv1"), "bn1"))
    for layer in ("layer1.0", "layer2.0", "layer3.0"):
        stride = 1 if layer == "layer1.0" else 2
        y = ops.relu(bn(conv(x, f"{layer}.conv1", stride), f"{layer}.bn1"))
        y = bn(conv(y, f"{layer}.conv2"), f"{layer}.bn2")
        more = (y.shape[-1] - x.shape[-1]) // 2
        x = ops.pad(x[:, ::stride, ::stride], [[0, 0], [0, 0], [0, 0], [more, more]])
        x = ops.relu(x + y)
    x = ops.mean(x, (1, 2))
    return x @ state["linear.weight"].T + state["linear.bias"]


def test_a_cifar_network_that_pads_channels_on_both_sides(tmp_path, caplog):
    state = layouts.to_state(random_weights(ResNet8()), layouts.TORCHVISION)
    state = {name.replace("fc.", "linear."): array for name, array in state.items()}
    write(tmp_path / "resnet8.th", {"state_dict": {f"module.{k}": v for k, v in state.items()}})
    with caplog.at_level(logging.WARNING, "keras_resnet"):
        model = from_checkpoint(tmp_path / "resnet8.th", classifier_activation=None)
    assert "channels of zeros on both sides of a shortcut's" in caplog.text  # which is assumed
    images = np.random.default_rng(1).normal(size=(3, 32, 32, 3)).astype("float32")
    expected = akamaster(state, images)
    assert np.std(expected) > 0.1
    np.testing.assert_allclose(model(images), expected, atol=1e-5)
    pixels = np.full((1, 2, 2, 3), 255.0)
    expected = keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode="torch")
    np.testing.assert_allclose(model.preprocess_input(pixels), expected)
