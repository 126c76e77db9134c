import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnet import NETWORKS, ResNet, cifar
from train.backend.tensorflow.training_convolution import TrainingConv2D, pays
from train.backend.tensorflow.training_layers import on_fast_layers
from train.trainer.precision import policy

DRAW = np.random.default_rng(0)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("side", [1, 2, 3, 7])
def test_outputs_and_gradients_are_those_of_the_stock_layer(side, stride, padding):
    images = tf.constant(DRAW.normal(size=(2, 11, 8, 3)), tf.float32)
    seen = []
    for kind in (keras.layers.Conv2D, TrainingConv2D):
        layer = kind(filters=5, kernel_size=side, strides=stride, padding=padding)
        layer.by_products = True
        layer.build(images.shape)
        kernel = np.linspace(-1, 1, side * side * 15).reshape(side, side, 3, 5)
        layer.set_weights([kernel, np.full(5, 2.0)])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            outputs = layer(images)
            loss = tf.reduce_sum(outputs**2)
        variables = [v.value for v in layer.trainable_variables]
        seen.append([outputs, tape.gradient(loss, images), *tape.gradient(loss, variables)])
    for stock, product in zip(*seen, strict=True):
        np.testing.assert_allclose(product, stock, rtol=1e-4, atol=1e-3)


def fast_layers(network, precision="mixed_bfloat16", **settings):
    with policy(precision):
        model = on_fast_layers(ResNet(network), **settings)
    return [layer.name for layer in model.layers if getattr(layer, "by_products", False)]


def test_it_replaces_layers_only_where_it_is_faster():
    assert fast_layers(cifar(8, shortcut="B")) == ["conv4_block1_0_conv"]
    wide = NETWORKS["ResNet18"]
    assert fast_layers(wide, "float32") == []
    assert fast_layers(wide, device="GPU") == []


def test_images_of_any_size_keep_what_depends_on_none():
    inputs = keras.Input((None, None, 512))
    layers = [keras.layers.Conv2D(512, side, dtype="mixed_bfloat16") for side in (1, 3)]
    for layer in layers:
        layer(inputs)
    assert [pays(layer) for layer in layers] == [True, False]
    kernel, sizes, trained = DRAW.normal(size=(1, 1, 512, 64)) / 23, (7, 4), []
    images = [DRAW.normal(size=(2, side, side, 512)).astype("float32") for side in sizes]
    for kind in (keras.layers.Conv2D, TrainingConv2D):
        layer = kind(filters=64, kernel_size=1, strides=2)
        layer.by_products = True
        model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(layer(inputs)))
        model.set_weights([kernel, np.zeros(64)])
        model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
        for some in images:
            model.train_on_batch(some, np.ones((2, 64)))
        trained.append(model.get_weights())
    for stock, product in zip(*trained, strict=True):
        np.testing.assert_allclose(product, stock, atol=1e-5)
    assert np.abs(trained[1][0] - kernel).max() > 1e-3


@pytest.mark.parametrize("bias", [True, False])
def test_a_frozen_batch_normalization_is_done_by_the_convolution_before_it(bias):
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(8, 3, use_bias=bias, name="one")(inputs)
    x = keras.layers.BatchNormalization(epsilon=0.1)(x)
    stock = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x)))
    stock.set_weights([DRAW.uniform(0.5, 1.5, w.shape) for w in stock.get_weights()])
    fast = on_fast_layers(stock)
    images = DRAW.normal(size=(16, 6, 6, 3)).astype("float32")
    kept = [stock.predict_on_batch(images), fast.predict_on_batch(images)]
    np.testing.assert_allclose(*kept, rtol=1e-5)
    for model in (stock, fast):
        model.layers[2].trainable = False
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        model.train_on_batch(images, np.zeros((16, 8)))
    outputs = fast.layers[1](images)
    assert fast.layers[2](outputs, training=True) is outputs  # nothing is left to do
    assert len(fast.weights) == len(stock.weights)
    for trained, expected in zip(fast.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(trained, expected, rtol=1e-4, atol=1e-5)


def test_a_batch_normalization_that_learns_has_the_statistics_of_the_batch():
    stock = ResNet(cifar(8))
    images = DRAW.normal(size=(16, 32, 32, 3)).astype("float32")
    before = stock(images, training=True)
    np.testing.assert_allclose(on_fast_layers(stock)(images, training=True), before, atol=1e-4)


def test_a_part_of_a_network_in_bfloat16_is_a_model_of_its_own():
    """As features are computed: the part has the default precision, and its layers another."""
    stock = ResNet(cifar(8, shortcut="B"))
    with policy("mixed_bfloat16"):
        fast = on_fast_layers(ResNet(cifar(8, shortcut="B")))
    fast.set_weights(stock.get_weights())
    images = DRAW.normal(size=(8, 32, 32, 3)).astype("float32")
    features, exact = (
        keras.Model(model.input, model.layers[-1].input).predict_on_batch(images)
        for model in (fast, stock)
    )
    np.testing.assert_allclose(features.astype("float32"), exact, rtol=0.1, atol=0.05)
