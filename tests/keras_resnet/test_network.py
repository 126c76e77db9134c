from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnet import VGG11, InputError, ResNet, ResNet8, Spec, cifar, imagenet_utils
from keras_resnet.spec.blocks import ACTIVATION_ORDERS, BLOCKS, SHORTCUTS
from tests.networks import vary

IMAGES = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
TINY = Spec(blocks=(1, 1), widths=(4, 8))


@pytest.mark.parametrize(
    ("block", "shortcut", "order"),
    [
        # The order decides how blocks are put together; bottlenecks only have a layer more.
        pytest.param(block, shortcut, order, marks=pytest.mark.slow if later else ())
        for block in ("basic", "bottleneck")
        for shortcut in ("A", "B", "C", "none")
        for order in ACTIVATION_ORDERS
        for later in [
            (block == "bottleneck") != (shortcut == "B")
            or (shortcut in ("C", "none") and order not in ("original", "full_preact"))
        ]
    ],
)
def test_every_variant_builds_predicts_and_loads_again(block, shortcut, order, tmp_path):
    spec = Spec((1, 2), (4, 8), block, order, shortcut, input_shape=(16, 16, 3))
    model = ResNet(spec)
    kinds = [type(layer).__name__ for layer in model.layers]
    # The same operations in every order: only their places differ.
    assert kinds.count("Conv2D") == 1 + 3 * len(BLOCKS[block].kernels) + kinds_of_projection(spec)
    assert kinds.count("Activation") == 1 + 3 * len(BLOCKS[block].kernels)
    assert kinds.count("Add") == (0 if shortcut == "none" else 3)
    probabilities = np.array(model(IMAGES, training=False))
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)

    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")  # in safe mode, no custom objects
    np.testing.assert_array_equal(again(IMAGES, training=False), probabilities)


def kinds_of_projection(spec):
    """How many 1x1 projections a network of one unit and two units has."""
    widens = {"A": 0, "B": 1 + (spec.block == "bottleneck"), "C": 3, "none": 0}
    return widens[spec.shortcut]


OTHERS = ["scaled", "scaled_shortcut", "gated", "gated_shortcut", "dropout_shortcut"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_shortcuts_weigh_what_is_added(name):
    """Identity Mappings, Table 1: by hand, from the parts of the second block."""
    model = ResNet(cifar(14, shortcut=name))
    parts = ["conv2_block1_out", "conv2_block2_2_bn", "conv2_block2_add"]
    inner = keras.Model(model.inputs, [model.get_layer(part).output for part in parts])
    skip, branch, total = map(np.array, inner(keras.ops.ones((2, 32, 32, 3)), training=False))
    if "gated" in name:
        layer = model.get_layer("conv2_block2_gate_conv")
        assert np.all(layer.bias == -6)
        layer.bias.assign(np.linspace(-1, 1, 16))
        total = np.array(inner(keras.ops.ones((2, 32, 32, 3)), training=False)[2])
        gate = 1 / (1 + np.exp(-(skip @ np.array(layer.kernel)[0, 0] + np.array(layer.bias))))
        expected = (1 - gate) * skip + (gate if name == "gated" else 1) * branch
    else:
        factors = {"scaled": (0.5, 0.5), "scaled_shortcut": (0.5, 1), "dropout_shortcut": (1, 1)}
        expected = sum(f * part for f, part in zip(factors[name], (skip, branch), strict=True))
    np.testing.assert_allclose(total, expected, atol=1e-5)
    assert set(SHORTCUTS) - {*OTHERS} == {"A", "B", "C", "D", "none"}


def unit_layers(spec, index):
    model = ResNet(spec)
    prefix = f"conv2_block{index}_"
    return [layer.name.removeprefix(prefix) for layer in model.layers if prefix in layer.name]


def test_layer_names_of_the_five_orders():
    names = {
        order: unit_layers(Spec((2,), (16,), activation_order=order, input_shape=(8, 8, 3)), 2)
        for order in ACTIVATION_ORDERS
    }
    branch = ["1_conv", "1_bn", "1_relu", "2_conv"]
    assert names == {
        "original": [*branch, "2_bn", "add", "out"],
        "bn_after_add": [*branch, "add", "bn", "out"],
        "relu_before_add": [*branch, "2_bn", "2_relu", "out"],
        "relu_only_preact": ["preact_relu", *branch, "2_bn", "out"],
        "full_preact": ["preact_bn", "preact_relu", *branch, "out"],
    }


def source_of(model, layer, place):
    """The name of the layer that feeds input `place` of `layer`."""
    source = model.get_layer(layer).input
    source = source if place is None else source[place]
    return source._keras_history.operation.name


def test_a_preactivated_stage_forks_after_its_first_activation():
    model = ResNet(cifar(14, activation_order="full_preact", shortcut="B"))
    assert source_of(model, "conv2_block1_out", 0) == "conv2_block1_preact_relu"
    assert source_of(model, "conv3_block1_out", 0) == "conv3_block1_0_conv"
    assert source_of(model, "conv3_block1_0_conv", None) == "conv3_block1_preact_relu"
    assert source_of(model, "conv3_block2_out", 0) == "conv3_block1_out"


def test_without_top_any_image_size_is_taken():
    model = ResNet(cifar(8), include_top=False)
    assert model.input_shape == (None, None, None, 3)
    maps = np.array(model(IMAGES, training=False))
    assert maps.shape == (2, 4, 4, 64)
    for pooling, reduce in (("avg", np.mean), ("max", np.max)):
        pooled = ResNet(cifar(8), include_top=False, pooling=pooling)
        pooled.set_weights(model.get_weights())
        found = pooled(IMAGES, training=False)
        np.testing.assert_allclose(found, reduce(maps, (1, 2)), atol=1e-5)


def test_input_tensor_keeps_its_predecessors():
    image = keras.Input((32, 32, 3), name="raw")
    model = ResNet8(input_tensor=keras.layers.Rescaling(1 / 255)(image))
    assert model.inputs[0] is image
    assert model.layers[1].__class__ is keras.layers.Rescaling


def test_other_classes_channels_and_activation():
    model = ResNet8(input_shape=(28, 28, 1), classes=7, classifier_activation=None)
    assert model.input_shape == (None, 28, 28, 1)
    assert model.output_shape == (None, 7)
    assert model.get_layer("predictions").activation is keras.activations.linear


def test_the_classifier_stays_in_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = ResNet8()
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("conv1_conv").compute_dtype == "bfloat16"
    assert model.get_layer("predictions").compute_dtype == "float32"
    assert model.output.dtype == "float32"


def test_weights_from_a_file(tmp_path):
    path = tmp_path / "a.weights.h5"
    model = ResNet8()
    model.save_weights(path)
    np.testing.assert_array_equal(ResNet8(weights=path).get_weights()[0], model.get_weights()[0])
    with pytest.raises(InputError, match="Only `None` and `softmax`"):
        ResNet8(weights=path, classifier_activation="relu")


def test_a_classifier_after_global_pooling_takes_images_of_any_size():
    anything, fixed = ResNet8(input_shape=(None, None, 3)), ResNet8(input_shape=(40, 24, 3))
    fixed.set_weights(anything.get_weights())
    image = IMAGES[:1].repeat(3, axis=1).repeat(2, axis=2)[:, :40, :24]
    np.testing.assert_allclose(anything(image), fixed(image), rtol=1e-5)
    with pytest.raises(InputError, match="you should specify a static `input_shape`"):
        VGG11(input_shape=(None, None, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "median"}, "`pooling` should be None, 'avg' or 'max'"),
        ({"input_shape": (32, 32)}, "`input_shape` must be a tuple of three integers"),
        ({"input_shape": (3, 32, 3)}, "Input size must be at least 4x4"),
        ({"input_tensor": IMAGES}, "`input_tensor` should be a Keras tensor"),
        ({"input_shape": 32}, "`input_shape` must be a tuple of three integers"),
        ({"weights": "imagnet"}, "`weights` argument should be either"),
        ({"weights": 5}, "`weights` argument should be either"),
        ({"classes": 0}, "classes must be a whole number of at least 1; got 0"),
        ({"classes": 2.5}, "classes must be a whole number"),
        ({"input_shape": (32, 32, 2.5)}, "each of input_shape must be a whole number"),
        ({"input_shape": tf.TensorShape(None)}, "`input_shape` must be a tuple of three integers"),
        ({"classifier_activation": "relux"}, "unknown activation 'relux': give the name"),
        ({"weights": "x" * 5000}, "`weights` argument should be either"),
        ({"block": "x" * 5000}, r"unknown block 'xxx.*\.\.\..*xxx'\. Choose one of basic"),
    ],
)
def test_refused_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResNet8(**arguments)


def test_what_keras_takes_is_taken(tmp_path):
    shape = tf.TensorShape([16, np.int64(16), 3])
    model = ResNet8(input_shape=shape, classes=np.int64(7))
    assert model.input_shape == (None, 16, 16, 3)
    assert model.output_shape == (None, 7)
    assert ResNet8(input_shape=[16, 16, 3], include_top=False, classes=0).output_shape[-1] == 64
    path = tmp_path / "a.weights.h5"
    ResNet8().save_weights(path)
    for activation in ("softmax", "linear", None, keras.activations.softmax):
        head = ResNet8(weights=path, classifier_activation=activation).get_layer("predictions")
        assert head.activation is keras.activations.get(activation)


def test_a_wide_spec_is_only_other_numbers():
    narrow, wide = cifar(8), replace(cifar(8), widths=(32, 64, 128))
    kernels = [
        sum(int(np.prod(w.shape)) for w in ResNet(spec).get_layer("conv3_block1_2_conv").weights)
        for spec in (narrow, wide)
    ]
    assert kernels == [9 * 32 * 32, 9 * 64 * 64]


def test_dropout_and_stochastic_depth_work_in_training_only():
    model = ResNet(cifar(8, dropout=0.5, stochastic_depth=0.5), input_shape=(16, 16, 3))
    plain = ResNet(cifar(8), input_shape=(16, 16, 3))
    plain.set_weights([weight for weight in model.get_weights() if weight.dtype != "uint32"])
    np.testing.assert_array_equal(model(IMAGES, training=False), plain(IMAGES, training=False))
    one, other = (np.array(model(IMAGES, training=True)) for _ in range(2))
    assert not np.allclose(one, other)


def test_units_begin_as_their_shortcuts_with_zero_gamma(tmp_path):
    spec = cifar(8, dropout=0.5, stochastic_depth=0.5, zero_gamma=True)
    model = ResNet(spec, input_shape=(16, 16, 3))
    names = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert len(names) == 6
    assert {"conv2_block1_1_dropout", "conv4_block1_2_drop_path"} <= {*names}
    # Where the scale is zero the branch adds nothing: the units are their shortcuts.
    maps = keras.Model(
        model.input, [model.get_layer(f"conv2_block1_{end}").output for end in ("2_bn", "add")]
    )
    branch, _ = maps(IMAGES, training=False)
    assert not np.any(branch)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(IMAGES, training=False), model(IMAGES, training=False))


def test_four_channels_are_taken_with_a_warning():
    with pytest.warns(UserWarning, match="it was passed an input_shape with 4 input channels"):
        model = ResNet8(input_shape=(32, 32, 4))
    assert model.output_shape == (None, 10)


def test_a_name_in_place_of_a_spec_is_a_type_error():
    with pytest.raises(TypeError, match=r"spec must be a keras_resnet\.Spec; got 'resnet20'"):
        ResNet("resnet20")


def test_the_classifier_is_float32_if_all_else_is_half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        assert ResNet(TINY).output.dtype == "float32"
        assert ResNet(TINY, include_top=False).output.dtype == "float16"
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize(
    ("shape", "more", "message"),
    [
        ((16, 16, 3), {"input_shape": (64, 64, 3)}, "leave one out"),
        ((16, 16), {}, "should be a batch of images"),
    ],
)
def test_an_input_tensor_is_checked(shape, more, message):
    with pytest.raises(InputError, match=message):
        ResNet(TINY, input_tensor=keras.Input(shape), **more)


@pytest.mark.parametrize(("side", "message"), [(16, "at least 32x32"), (None, "a static")])
def test_an_input_tensor_of_an_impossible_size_is_refused(side, message):
    with pytest.raises(InputError, match=message):
        VGG11(input_tensor=keras.Input((side, side, 3)))


def test_weights_do_not_depend_on_what_prepares_images(tmp_path):
    bare, image = vary(ResNet(TINY)), keras.Input((32, 32, 3))
    bare.save(tmp_path / "bare.keras")
    adapted = keras.layers.Normalization()
    adapted.adapt(np.random.default_rng(0).normal(3, 5, (8, 4, 4, 3)))
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    for mode in ("caffe", "tf", "torch"):
        prepared = imagenet_utils.preprocess_input(image, mode=mode)
        model = ResNet(TINY, input_tensor=prepared, weights=tmp_path / "bare.keras")
        expected = bare.predict_on_batch(imagenet_utils.preprocess_input(images, mode=mode))
        np.testing.assert_allclose(model.predict_on_batch(images), expected, atol=1e-5)
        model.save(tmp_path / "whole.keras")
        again = ResNet(TINY, weights=tmp_path / "whole.keras")
        np.testing.assert_array_equal(again.get_weights()[0], bare.get_weights()[0])
    model = ResNet(TINY, input_tensor=adapted(image), weights=tmp_path / "bare.keras")
    np.testing.assert_array_equal(model.get_weights()[-1], bare.get_weights()[-1])
