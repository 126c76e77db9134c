import keras
import numpy as np
import pytest

from keras_resnet import layers
from keras_resnet.spec.blocks import BN, RELU, VARIANTS, Op

PAPER = VARIANTS["paper"]


@pytest.fixture(params=["channels_last", "channels_first"])
def data_format(request):
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(request.param)
    yield request.param
    keras.config.set_image_data_format(before)


def test_option_a_takes_every_second_pixel_and_adds_channels_of_zeros(data_format):
    last = data_format == "channels_last"
    image = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    expected = np.concatenate([image[:, ::2, ::2], np.zeros((2, 3, 3, 2), "float32")], axis=-1)
    if not last:
        image, expected = image.transpose(0, 3, 1, 2), expected.transpose(0, 3, 1, 2)
    result = layers.pad(None, image, 5, 2, (BN,), PAPER, "x")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result), expected)


def test_option_d_takes_the_mean_of_the_pixels_that_a_stride_would_skip(data_format):
    last = data_format == "channels_last"
    image = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")
    means = [
        [image[:, i : i + 2, j : j + 2].mean((1, 2)) for j in (0, 2)] for i in (0, 2, 4)
    ]  # the last row has no second one
    shape = (5, 4, 3) if last else (3, 5, 4)
    source = keras.Input(shape)
    model = keras.Model(source, layers.pool_project(None, source, 2, 2, (), PAPER, "x"))
    kernel = model.get_layer("x_conv").get_weights()[0][0, 0]
    expected = np.moveaxis(np.array(means), 2, 0) @ kernel
    if not last:
        image, expected = image.transpose(0, 3, 1, 2), expected.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(model.predict_on_batch(image), expected, atol=1e-5)


@pytest.mark.parametrize("size", [6, 7])
def test_a_strided_convolution_pads_alike_on_all_sides(size):
    # Mirroring the image and the kernel mirrors the result, for odd sizes: "same" in
    # TensorFlow would break it for even ones, and so would any lopsided padding for odd ones.
    image = np.random.default_rng(0).normal(size=(1, size, size, 1)).astype("float32")
    source = keras.Input((size, size, 1))
    model = keras.Model(source, layers.conv(source, 1, 3, 2, 1, (), PAPER, "c"))
    kernel = model.get_layer("c_conv").get_weights()[0][:, :, 0, 0]
    padded = np.pad(image[0, :, :, 0], 1)
    expected = [
        [np.sum(padded[i : i + 3, j : j + 3] * kernel) for j in range(0, size, 2)]
        for i in range(0, size, 2)
    ]
    np.testing.assert_allclose(model.predict_on_batch(image)[0, :, :, 0], expected, atol=1e-5)


def test_the_last_operation_may_have_its_own_name():
    source = keras.Input((4, 4, 2))
    model = keras.Model(source, layers.apply_ops((BN, RELU), source, PAPER, "unit", out="unit_out"))
    assert [layer.name for layer in model.layers[1:]] == ["unit_bn", "unit_out"]


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("padding", layers.POOLS)
def test_the_stem_pools_evenly(padding, size):
    image = np.random.default_rng(0).normal(size=(1, size, size, 2)).astype("float32") - 3
    value = {"zeros": 0, "minus_infinity": -np.inf}[padding]
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=value)
    expected = [
        [padded[0, i : i + 3, j : j + 3].max((0, 1)) for j in range(0, size, 2)]
        for i in range(0, size, 2)
    ]
    result = layers.POOLS[padding](image, "pool")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result)[0], expected)


def test_stochastic_depth_drops_whole_images_and_keeps_the_mean():
    ones = np.ones((1000, 2, 2, 3), "float32")
    source = keras.Input((2, 2, 3))
    model = keras.Model(source, layers.apply_ops((Op("drop_path", 0.25),), source, PAPER, "x"))
    assert model.layers[-1].name == "x_drop_path"
    np.testing.assert_array_equal(model(ones, training=False), ones)
    result = keras.ops.convert_to_numpy(model(ones, training=True)).reshape(1000, -1)
    assert {*np.unique(result)} == {0, np.float32(1 / 0.75)}
    assert (result == result[:, :1]).all()
    assert abs(result.mean() - 1) < 0.1


def test_an_operation_may_have_an_argument():
    source = keras.Input((4, 4, 2))
    model = keras.Model(
        source, layers.apply_ops((Op("bn", "zeros"), RELU, Op("dropout", 0.5)), source, PAPER, "x")
    )
    assert [layer.name for layer in model.layers[1:]] == ["x_bn", "x_relu", "x_dropout"]
    assert not np.any(model.get_layer("x_bn").gamma)
    assert model.get_layer("x_dropout").rate == 0.5
