"""The layers that these networks share: stock layers and operations of Keras only.

Every function takes and returns a tensor of images, `(batch, height, width, channels)` or channels
first if Keras is set so; `name` is the name of a layer, or the prefix of several.
"""

from keras import layers, ops

from keras_resnet.assembly import predictions
from keras_resnet.layers import channel_axis
from keras_resnet.spec.blocks import Variant

# He's variance (2015, 2.2). A normal distribution takes four times as long for VGG's 138 million.
INITIALIZER = "he_uniform"
# Batch normalization is that of torchvision, where GoogLeNet alone has another epsilon.
TORCH = Variant()


def convolution(x, filters: int, kernel: int, name: str, stride: int = 1, **settings):
    """A convolution of `keras.layers.Conv2D`'s settings; under a stride it does not pad."""
    return layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        kernel_initializer=INITIALIZER,
        name=name,
        **settings,
    )(x)


def normalized_relu(x, epsilon: float, name: str):
    """Batch normalization over the channels and ReLU, as layers `NAME_bn` and `NAME_relu`."""
    x = layers.BatchNormalization(
        axis=channel_axis(), momentum=TORCH.momentum, epsilon=epsilon, name=f"{name}_bn"
    )(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def max_pool(x, size: int, name: str, pad: int = 1):
    """Max pooling of stride 2; `pad` pixels of zeros at the end pool the rest of the image, too.

    Of a ReLU, as its outputs are never below zero.
    """
    if pad:
        x = layers.ZeroPadding2D(((0, pad), (0, pad)), name=f"{name}_pad")(x)
    return layers.MaxPooling2D(size, strides=2, name=name)(x)


# Krizhevsky et al. 2012, 3.3.
NEIGHBOURS, BIAS, ALPHA = 5, 2.0, 1e-4


def local_response_norm(x, name: str):
    """Local response normalization: divides by `(2 + alpha * s) ** 0.75` (AlexNet, 3.3).

    `s` is the sum of squares over five neighbouring channels at the same place, `alpha` 1e-4 as in
    the papers' formula. Caffe and Torch divide alpha by the five. In float32, as a square may
    exceed float16.
    """
    first = channel_axis() == 1
    edge = [NEIGHBOURS // 2] * 2
    squares = ops.pad(
        ops.square(ops.cast(x, "float32")),
        [[0, 0], edge, [0, 0], [0, 0]] if first else [[0, 0], [0, 0], [0, 0], edge],
    )
    # Told the other data format, it pools the channels as if they were a side of the image.
    means = layers.AveragePooling2D(
        (NEIGHBOURS, 1) if first else (1, NEIGHBOURS),
        strides=1,
        data_format="channels_last" if first else "channels_first",
        dtype="float32",
        name=f"{name}_mean",
    )(squares)
    base = BIAS + ALPHA * NEIGHBOURS * means
    # To the power of -0.75: roots take a third of the time of `ops.power` in training.
    return x * ops.cast(ops.rsqrt(base * ops.sqrt(base)), x.dtype)


def dense_classifier(x, spec, classes: int, activation):
    """Dense layers of `spec.hidden` units with ReLU and dropout, then the classes."""
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate(spec.hidden, 1):
        x = layers.Dense(
            units, activation="relu", kernel_initializer=INITIALIZER, name=f"fc{number}"
        )(x)
        x = layers.Dropout(spec.dropout, name=f"fc{number}_dropout")(x)
    return predictions(x, classes, activation)
