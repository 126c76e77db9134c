import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnet import ResNet, cifar
from train.backend.tensorflow.fused_batchnorm import FusedBatchNormalization
from train.backend.tensorflow.training_layers import on_fast_layers

DRAW = np.random.default_rng(0)


@pytest.mark.parametrize("training", [True, False])
def test_the_fused_layer_is_the_stock_layer(training):
    """Outputs, gradients and moving statistics, of so few pixels that count - 1 would show."""
    images = tf.constant(DRAW.normal(3, 2, (2, 2, 2, 5)), tf.float32)
    seen = []
    for kind in (keras.layers.BatchNormalization, FusedBatchNormalization):
        layer = kind(momentum=0.9, epsilon=1e-5)
        layer.build(images.shape)
        layer.set_weights([np.linspace(0.5, 2, 5) + i for i in range(4)])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            outputs = layer(images, training=training)
            loss = tf.reduce_sum(outputs**3)
        variables = [v.value for v in layer.trainable_variables]
        seen.append([outputs, tape.gradient(loss, images), *tape.gradient(loss, variables)])
        seen[-1] += layer.get_weights()
    for stock, fused in zip(*seen, strict=True):
        np.testing.assert_allclose(fused, stock, rtol=1e-3, atol=1e-4)


def test_a_frozen_layer_uses_and_keeps_its_moving_statistics():
    layer = FusedBatchNormalization(epsilon=1e-5)
    images = tf.constant(DRAW.normal(3, 2, (4, 6, 6, 5)), tf.float32)
    layer.build(images.shape)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_allclose(layer(images, training=True), layer(images, training=False))
    np.testing.assert_array_equal(layer.get_weights(), before)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_images_pass_and_statistics_stay_exact(dtype):
    layer = FusedBatchNormalization(dtype=dtype, momentum=0.0)
    images = tf.constant(DRAW.normal(3, 2, (4, 6, 6, 5)), layer.compute_dtype)
    outputs = layer(images, training=True)
    assert outputs.dtype == images.dtype
    assert {variable.dtype for variable in layer.variables} == {"float32"}
    mean = tf.reduce_mean(tf.cast(images, tf.float32), (0, 1, 2))
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-5)


def test_fusing_keeps_names_weights_and_outputs():
    stock = ResNet(cifar(8, activation_order="full_preact", shortcut="B"))
    stock.set_weights([w + DRAW.uniform(0, 0.2, w.shape) for w in stock.get_weights()])
    fused = on_fast_layers(stock)
    names = [[layer.name for layer in model.layers[1:]] for model in (fused, stock)]
    assert names[0] == names[1]
    kinds = {type(layer) for layer in fused.layers}
    assert FusedBatchNormalization in kinds
    assert keras.layers.BatchNormalization not in kinds
    images = DRAW.normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(
        fused.predict_on_batch(images), stock.predict_on_batch(images), atol=1e-5
    )


def test_a_frozen_layer_keeps_its_statistics_in_training():
    stock = ResNet(cifar(8))
    for layer in stock.layers[:-1]:
        layer.trainable = False
    fused = on_fast_layers(stock)
    before = fused.get_weights()[:-2]  # all but the head
    fused.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    fused.fit(DRAW.normal(3, 2, (16, 32, 32, 3)), np.arange(16) % 3, verbose=0)
    assert len(fused.trainable_weights) == 2
    for old, new in zip(before, fused.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(old, new)
