"""Folding changes the layers and not the function."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from keras_resnet import SPECS, ResNet, ResNet18V2, ResNet50, Spec, cifar, imagenet_utils
from keras_resnet.export.fold import fold
from keras_resnet.imagenet_utils import MODES
from tests.networks import vary

DRAW = np.random.default_rng(0)
IMAGES = (DRAW.integers(0, 256, (8, 32, 32, 3)) * DRAW.random((8, 1, 1, 3))).astype("float32")


def network(spec: Spec) -> keras.Model:
    """With normalization inside, and statistics that are not trivial; logits."""
    image = keras.Input(spec.input_shape, name="image")
    scale = {"mean": (125, 123, 114), "variance": (3969, 3855, 4450)}
    normal = layers.Normalization(**scale, name="images")
    return vary(ResNet(spec, input_tensor=normal(image), classifier_activation=None))


def outputs(model, images):
    """What a model says; without the seconds that a graph for it takes."""
    return np.array(model(images, training=False))


NETWORKS = {
    "v1": cifar(8),
    "v2": cifar(8, activation_order="full_preact"),
    "bottleneck": cifar(11, block="bottleneck"),
    "bottleneck v2": cifar(11, block="bottleneck", activation_order="full_preact"),
    "plain": cifar(8, shortcut="none"),
    "projections": cifar(8, shortcut="C"),
    "zeros, v2": cifar(8, activation_order="full_preact", shortcut="A"),
    "bn after": cifar(8, activation_order="bn_after_add"),
    "relu before": cifar(8, activation_order="relu_before_add"),
    "relu only": cifar(8, activation_order="relu_only_preact"),
    "gates": cifar(8, shortcut="gated"),
    "halves": cifar(8, shortcut="scaled"),
    "dropout": cifar(8, dropout=0.3, stochastic_depth=0.2),
    "Keras's v2": Spec((2, 2), (8, 16), "bottleneck_v1.5", "full_preact", "B", variant="keras_v2"),
}


QUICK = {"v1", "v2", "plain", "relu before", "gates", "dropout", "Keras's v2"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in NETWORKS]
)
def test_outputs_stay_the_same_and_only_plain_layers_are_left(name):
    model = network(NETWORKS[name])
    folded = fold(model)
    expected = outputs(model, IMAGES)
    scale = np.abs(expected).max()
    assert expected.std(0).max() > 1e-3 * scale  # the model does look at its images
    np.testing.assert_allclose(outputs(folded, IMAGES), expected, atol=1e-5 * scale)

    kinds = {type(layer) for layer in folded.layers}
    assert not kinds & {layers.BatchNormalization, layers.Normalization, layers.MaxPooling2D}
    assert {layer.name for layer in folded.layers} <= {layer.name for layer in model.layers}
    pads = [la for la in folded.layers if isinstance(la, layers.ZeroPadding2D)]
    assert all(pad.data_format == "channels_last" for pad in pads)


def test_v1_keeps_no_normalization_but_the_images():
    folded = fold(network(SPECS["ResNet20"]))
    depthwise = [la.name for la in folded.layers if isinstance(la, layers.DepthwiseConv2D)]
    assert depthwise == ["images"]


def prepared_convolution(prepare, padding, channels=3):
    """A convolution of images that are prepared before."""
    image = keras.Input((16, 16, channels))
    x = prepare(image)
    if padding == "zeros around":
        x, padding = layers.ZeroPadding2D(3)(x), "valid"
    x = layers.BatchNormalization()(layers.Conv2D(8, 7, 2, padding, use_bias=False)(x))
    return vary(keras.Model(image, x))


def kinds_and_difference(model):
    """Which operations are left, and how far outputs are off, relative to the largest."""
    folded = fold(model)
    images = keras.ops.convert_to_tensor(IMAGES[:, :16, :16, : model.input_shape[-1]])
    expected, actual = (np.array(net(images, training=False)) for net in (model, folded))
    difference = np.abs(actual - expected).max() / np.abs(expected).max()
    return [type(operation).__name__ for operation in folded.operations], difference


def grey(image):
    return layers.Rescaling(1 / 127.5, offset=-1)(layers.Concatenate()([image] * 3))


PREPARATIONS = {  # and the channels of an image
    **{mode: (partial(imagenet_utils.preprocess_input, mode=mode), 3) for mode in MODES},
    "batch normalization": (layers.BatchNormalization(beta_initializer="ones"), 3),
    "negative": (lambda image: 255.0 - image, 3),
    "grey as RGB": (grey, 1),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in ("tf", "cifar10") else ())
        for name in PREPARATIONS
    ],
)
def test_what_prepares_images_goes_into_the_first_convolution(name):
    prepare, channels = PREPARATIONS[name]
    for padding, before in {
        "valid": [],
        "same": ["DepthwiseConv2D"],  # which puts zero where zeros are to be padded with
        "zeros around": ["DepthwiseConv2D", "ZeroPadding2D"],
    }.items():
        model = prepared_convolution(prepare, padding, channels)
        kinds, difference = kinds_and_difference(model)
        assert kinds == ["InputLayer", *before, "Conv2D"]
        assert difference < 1e-5


def test_channels_of_zeros_are_no_border():
    zeros = layers.ZeroPadding2D(((0, 0), (1, 2)), data_format="channels_first")
    kinds, difference = kinds_and_difference(prepared_convolution(zeros, "same"))
    assert kinds == ["InputLayer", "Conv2D"]
    assert difference < 1e-5


OTHER_PREPARATIONS = {
    "dark": (lambda image: keras.ops.minimum(image, 200) - 3, 3),
    "squared": (lambda image: image * image / 255, 3),
    "of neighbours": (layers.MaxPooling2D(3, 1, "same"), 3),
    "cropped": (lambda image: image[:, 2:, 2:], 3),
    "turned": (lambda image: image[:, ::-1], 3),
    "no color is zero": (lambda image: layers.Rescaling(1, (1, 2, 3))(grey(image)), 1),
}


@pytest.mark.parametrize("name", OTHER_PREPARATIONS)
def test_any_other_preparation_of_images_stays(name):
    prepare, channels = OTHER_PREPARATIONS[name]
    model = prepared_convolution(prepare, "same", channels)
    kinds, difference = kinds_and_difference(model)
    assert kinds == [type(op).__name__ for op in model.operations][:-1]
    assert difference < 1e-5


def test_a_preparation_that_others_see_stays():
    image = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(image)
    model = keras.Model(image, layers.Add()([x, layers.Conv2D(3, 3, padding="same")(x)]))
    kinds, difference = kinds_and_difference(model)
    assert kinds == ["InputLayer", "Rescaling", "Conv2D", "Add"]
    assert difference < 1e-5


@pytest.mark.parametrize("build", [ResNet18V2, ResNet50])
def test_networks_for_photographs_with_their_preparation_inside(build):
    image = keras.Input((64, 64, 3), name="image")
    model = build(
        input_tensor=build.preprocess_input(image), classes=7, classifier_activation=None,
        blocks=(1, 1, 1, 1), width_multiplier=0.25,
    )  # fmt: skip
    vary(model)
    photos = DRAW.integers(0, 256, (2, 64, 64, 3)).astype("float32")
    expected = outputs(model, photos)
    np.testing.assert_allclose(
        outputs(fold(model), photos), expected, atol=1e-5 * np.abs(expected).max()
    )


def test_a_convolution_that_others_see_too_keeps_its_normalization_apart():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="seen_twice")(image)
    added = layers.Add()([x, layers.BatchNormalization(name="norm")(x)])
    model = vary(keras.Model(image, added))
    folded = fold(model)
    assert isinstance(folded.get_layer("norm"), layers.DepthwiseConv2D)
    images = IMAGES[:, :8, :8]
    np.testing.assert_allclose(outputs(folded, images), outputs(model, images), rtol=1e-4)


@pytest.mark.parametrize("whole", [True, False])
def test_a_division_of_images_goes_into_the_first_convolution(whole):
    image = keras.Input((32, 32, 3), name="image")
    divided = layers.Normalization(mean=(0, 0, 0), variance=(3969, 3855, 4450))(image)
    if whole:
        model = vary(ResNet(cifar(8), input_tensor=divided, classifier_activation=None))
    else:
        model = keras.Model(image, layers.Conv2D(4, 3, padding="same")(divided))
    folded = fold(model)
    kinds = layers.Normalization | layers.DepthwiseConv2D
    assert not [layer.name for layer in folded.layers if isinstance(layer, kinds)]
    expected = outputs(model, IMAGES)
    actual = outputs(folded, IMAGES)
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


def test_folding_twice_changes_nothing():
    once = fold(network(SPECS["ResNet8"]))
    twice = fold(once)
    for a, b in zip(once.get_weights(), twice.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def chain(*parts):
    x = keras.Input((8, 8, 3))
    return vary(keras.Sequential([x, *parts, layers.GlobalAveragePooling2D(), layers.Dense(3)]))


# Networks of others, in which layers have settings that ours do not use.
OTHERS = {
    "activation before": lambda: chain(layers.Conv2D(4, 3, activation="relu"), bn()),
    "no scale": lambda: chain(layers.Conv2D(4, 3), bn(scale=False), bn(center=False)),
    "inverse": lambda: chain(layers.Normalization(mean=3, variance=2, invert=True)),
    "one for all": lambda: chain(layers.Normalization(axis=None, mean=3, variance=2)),
    "no variance": lambda: chain(layers.Normalization(mean=(3, 2, 1), variance=(1, 0, 2))),
    "not an image": lambda: chain(
        layers.Flatten(), layers.Dense(5), bn(), layers.Reshape((1, 1, 5))
    ),
    "space and channels": lambda: chain(
        layers.ZeroPadding2D(((1, 1), (0, 2)), data_format="channels_first")
    ),
}


def bn(**settings):
    return layers.BatchNormalization(**settings)


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_stay_the_same_too(name):
    model = OTHERS[name]()
    images = IMAGES[:, :8, :8]
    expected = outputs(model, images)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(
        outputs(fold(model), images), expected, atol=1e-5 * np.abs(expected).max()
    )


def test_an_adapted_normalization_that_stays_does_the_same():
    image, adapted = keras.Input((32, 32, 3)), layers.Normalization()
    adapted.adapt(IMAGES)
    model = vary(ResNet(cifar(8), input_tensor=adapted(image), classifier_activation=None))
    kept = fold(model, images=False)
    np.testing.assert_allclose(outputs(kept, IMAGES), outputs(model, IMAGES), atol=1e-4)
