from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_resnet import (
    SPECS,
    InputError,
    ResNet,
    ResNet8,
    ResNet20V2,
    Spec,
    feature_pyramid,
    freeze_batchnorm,
    replace_head,
)
from keras_resnet.spec.blocks import ACTIVATION_ORDERS, BLOCKS
from keras_resnet.weights.loading import read, transfer
from tests.networks import vary

IMAGES = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")


def sizes(model):
    return {name: tuple(x.shape[1:]) for name, x in model(IMAGES, training=False).items()}


@pytest.mark.parametrize(
    "name",
    [
        "ResNet18",
        "ResNet50V2",
        *(
            pytest.param(n, marks=pytest.mark.slow)
            for n in ("ResNet18V2", "ResNet50", "PlainNet18")
        ),
    ],
)
def test_maps_of_imagenet_networks_have_strides_4_to_32(name):
    # Two blocks a stage, of which some variants stride in the first and some in the last.
    model = ResNet(replace(SPECS[name], blocks=(2, 2, 2, 2)), include_top=False)
    channels = [width * BLOCKS[SPECS[name].block].expansion for width in (64, 128, 256, 512)]
    expected = {
        f"C{i}": (64 // 2**i, 64 // 2**i, c) for i, c in zip(range(2, 6), channels, strict=True)
    }
    assert sizes(feature_pyramid(model)) == expected


@pytest.mark.parametrize(
    ("order", "variant"),
    [
        # Where a stage strides does not depend on the order, but for what a stage begins with.
        pytest.param(order, variant, marks=pytest.mark.slow if later else ())
        for order in ACTIVATION_ORDERS
        for variant in ("paper", "keras_v2")
        for later in [variant == "keras_v2" and order not in ("original", "full_preact")]
    ],
)
def test_maps_are_what_the_next_stage_sees(order, variant):
    spec = Spec((2, 2), (4, 8), "bottleneck", order, "B", variant=variant)
    model = ResNet(spec, input_shape=(64, 64, 3))
    maps = feature_pyramid(model)(IMAGES, training=False)
    assert list(maps) == ["C2", "C3"]
    if order != "relu_before_add":  # whose sums go on as they are
        assert all(np.min(x) >= 0 for x in maps.values())
    enter = [op.kind for op in ACTIVATION_ORDERS[order].enter]
    unit = {"paper": "conv3_block1", "keras_v2": "conv2_block2"}[variant]  # the strided one
    before = {"paper": "conv2_block2_out", "keras_v2": "conv2_block1_out"}[variant]
    ends = [f"{unit}_preact_relu" if enter else before]
    ends.append("post_relu" if enter else "conv3_block2_out")
    direct = keras.Model(model.input, [model.get_layer(name).output for name in ends])
    for ours, theirs in zip(maps.values(), direct(IMAGES, training=False), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_maps_share_weights_with_and_without_the_top():
    model = ResNet20V2(input_shape=(64, 64, 3))
    maps = feature_pyramid(model)
    assert sizes(maps) == {"C2": (64, 64, 16), "C3": (32, 32, 32), "C4": (16, 16, 64)}
    for layer in maps.layers:
        assert layer is model.get_layer(layer.name)
    pooled = ResNet20V2(include_top=False, pooling="avg", input_shape=(64, 64, 3))
    assert sizes(feature_pyramid(pooled)) == sizes(maps)
    theirs = keras.applications.ResNet50V2(weights=None, include_top=False)
    assert sizes(feature_pyramid(theirs))["C5"] == (2, 2, 2048)


@pytest.mark.parametrize(
    "model",
    [
        keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()]),
        ResNet8(include_top=False, pooling="max"),
        feature_pyramid(ResNet8(include_top=False)),
    ],
)
def test_models_without_maps_are_refused(model):
    with pytest.raises(InputError, match="no feature maps of stages"):
        feature_pyramid(model)


def test_a_network_of_others_with_our_names_is_named():
    x = image = keras.Input((32, 32, 3))
    for stage in (2, 3):
        x = keras.layers.Conv2D(4, 3, strides=stage - 1, name=f"conv{stage}_block1_2_conv")(x)
    with pytest.raises(InputError, match="no layer 'conv3_block1_1_conv': give a network of this"):
        feature_pyramid(keras.Model(image, x))


def test_a_new_head_on_the_same_layers():
    model = ResNet8()
    tuned = replace_head(model, 3, activation=None)
    assert tuned.output_shape == (None, 3)
    assert tuned.layers[:-2] == model.layers[:-2]
    assert tuned.get_layer("predictions").activation is keras.activations.linear
    with pytest.raises(InputError, match="no layer 'predictions': build it with include_top=True"):
        replace_head(ResNet8(include_top=False), 3)


def test_a_frozen_backbone_does_not_move_in_training(tmp_path):
    """As the README tells: moving statistics included."""
    path = tmp_path / "pretrained.weights.h5"
    ResNet8().save_weights(path)
    model = ResNet8(weights=path, classes=3)
    for layer in model.layers[:-1]:
        layer.trainable = False
    before = [layer.get_weights() for layer in model.layers]
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    images = np.random.default_rng(0).normal(3, 2, (16, 32, 32, 3)).astype("float32")
    model.fit(images, np.arange(16) % 3, verbose=0)
    after = [layer.get_weights() for layer in model.layers]
    for old, new in zip(before[:-1], after[:-1], strict=True):
        for a, b in zip(old, new, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(before[-1][0], after[-1][0])


def test_a_detector_on_the_maps_trains_the_backbone():
    backbone = ResNet8(include_top=False, input_shape=(64, 64, 3))
    maps = feature_pyramid(backbone)
    outputs = [keras.layers.Conv2D(1, 1)(x) for x in maps.outputs]
    assert [x.shape[1] for x in outputs] == [64, 32, 16]
    kernels = [backbone.get_layer(f"conv{stage}_block1_1_conv").kernel for stage in (2, 4)]
    before = [np.array(kernel) for kernel in kernels]
    detector = keras.Model(maps.input, outputs)
    detector.compile("sgd", "mse", jit_compile=False)
    detector.fit(IMAGES, [np.ones((2, *x.shape[1:])) for x in outputs], verbose=0)
    for old, kernel in zip(before, kernels, strict=True):
        assert (np.array(kernel) != old).any()


def varied(**arguments):
    """A pre-activation network whose statistics, scales and shifts are all different."""
    return vary(ResNet8(input_shape=(16, 16, 3), activation_order="full_preact", **arguments))


def statistics(model):
    """Moving statistics of every batch normalization, by path."""
    return {
        f"{layer.name} {variable.name}": np.array(variable)
        for layer in model.layers
        for variable in layer.weights
        if "moving" in variable.name
    }


@pytest.mark.parametrize("scales", [True, False])
def test_frozen_statistics_stay_in_training_and_the_rest_learns(scales, tmp_path):
    model = varied()
    images = IMAGES[:, :16, :16]
    expected = np.array(model(images, training=False))
    before = statistics(model)
    frozen = freeze_batchnorm(model, scales)
    weights = frozen.get_weights()
    frozen.save(tmp_path / "x.keras")
    others = keras.saving.load_model(tmp_path / "x.keras"), keras.models.clone_model(frozen)
    for network in (frozen, *others):
        network.set_weights(weights)  # those of a clone are random
        for training in (False, True):
            np.testing.assert_allclose(network(images, training=training), expected, atol=1e-5)
        start = {w.path: np.array(w) for w in network.weights}
        network.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
        network.fit(3 + 2 * IMAGES[:, :16, :16], np.arange(2), epochs=2, verbose=0)
        after = statistics(network)
        assert after.keys() == before.keys()
        for name, value in before.items():
            np.testing.assert_array_equal(after[name], value)
        moved = {w.path.split("/")[-1] for w in network.weights if (start[w.path] != w).any()}
        kept = {w.path.split("/")[-2][-2:] for w in network.weights if (start[w.path] == w).all()}
        assert "kernel" in moved
        assert kept == {"bn"}
        assert ("gamma" in {w.path.split("/")[-1] for w in network.weights}) is scales
    for name, value in statistics(model).items():  # the network given stays as it is
        np.testing.assert_array_equal(value, before[name])
    assert all(layer.trainable for layer in model.layers)


def test_files_of_split_normalizations_are_read(tmp_path):
    model = freeze_batchnorm(vary(ResNet8()), scales=False)
    model.save_weights(tmp_path / "x.weights.h5")
    other = freeze_batchnorm(ResNet8(), scales=False)
    transfer(read(tmp_path / "x.weights.h5"), other, "x")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_with_frozen_scales_weight_files_are_those_of_the_network(tmp_path):
    frozen = freeze_batchnorm(varied())
    frozen.save_weights(tmp_path / "x.weights.h5")
    again = varied(weights=tmp_path / "x.weights.h5")
    for ours, theirs in zip(again.get_weights(), frozen.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_frozen_network_has_its_pyramid():
    model = ResNet20V2(include_top=False)
    for scales in (True, False):
        assert sizes(feature_pyramid(freeze_batchnorm(model, scales))) == sizes(
            feature_pyramid(model)
        )
    with pytest.raises(TypeError, match="scales must be True or False"):
        freeze_batchnorm(model, "no")


@pytest.mark.parametrize("scales", [True, False])
def test_a_frozen_pyramid_is_one_and_freezing_twice_changes_nothing(scales):
    pyramid = feature_pyramid(varied(include_top=False))
    frozen = freeze_batchnorm(freeze_batchnorm(pyramid, scales), scales)
    images = IMAGES[:, :16, :16]
    for name, map in pyramid(images).items():
        np.testing.assert_allclose(frozen(images)[name], map, atol=1e-5)
    levels = keras.Model(frozen.input, frozen.pyramid_outputs)(images)
    assert [*levels] == [*pyramid.pyramid_outputs]
    for name, map in keras.Model(pyramid.input, pyramid.pyramid_outputs)(images).items():
        np.testing.assert_allclose(levels[name], map, atol=1e-5)


def test_a_model_inside_another_is_not_frozen_in_silence():
    inputs = keras.Input((32, 32, 3))
    outer = keras.Model(
        inputs, keras.layers.Dense(3)(ResNet8(include_top=False, pooling="avg")(inputs))
    )
    with pytest.raises(InputError, match=r"has a model as a layer, 'resnet8', .* freeze that one"):
        freeze_batchnorm(outer)


def test_what_is_made_of_a_network_wants_images_as_that_one(tmp_path):
    file = tmp_path / "x.weights.h5"
    ResNet8().save_weights(file)
    model = ResNet8(weights=file)
    model.preprocess_input = lambda images: images / 7
    for made in (replace_head(model, 3), feature_pyramid(model), freeze_batchnorm(model)):
        assert made.preprocess_input is model.preprocess_input


def test_a_frozen_network_prepares_images_as_before():
    """`Normalization` computes with what it makes of its weights when it is adapted."""
    image = keras.Input((32, 32, 3))
    prepare = keras.layers.Normalization()
    prepare.adapt(50 * IMAGES + 100)
    model = ResNet8(input_tensor=prepare(image))
    images = 50 * IMAGES[:, :32, :32] + 100
    expected = model.predict_on_batch(images)
    np.testing.assert_allclose(
        freeze_batchnorm(model).predict_on_batch(images), expected, atol=1e-6
    )
    assert np.ptp(expected, 0).max() > 0


def test_heads_and_scales_that_are_none_are_refused():
    image = keras.Input((8, 8, 3))
    flat = keras.layers.GlobalAveragePooling2D()(image)
    named = keras.layers.Activation("softmax", name="predictions")(flat)
    with pytest.raises(InputError, match="is no dense layer but Activation: build it with include"):
        replace_head(keras.Model(image, named, name="mobile"), 5)
    normalized = keras.layers.BatchNormalization(name="bn")(flat)
    with pytest.raises(InputError, match="layer 'bn' of toy normalizes vectors, not maps"):
        freeze_batchnorm(keras.Model(image, normalized, name="toy"), scales=False)
