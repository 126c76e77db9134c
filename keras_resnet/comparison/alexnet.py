"""AlexNet: the network that began it, on two GPUs (Krizhevsky et al. 2012).

Its two towers are the groups of its convolutions. Local response normalization is over the
channels of both, as in Caffe: on two GPUs, each tower had its own.
"""

import keras
from keras import layers

from keras_resnet.assembly import assemble
from keras_resnet.comparison.layers import (
    convolution,
    dense_classifier,
    local_response_norm,
    max_pool,
)
from keras_resnet.spec.comparison import AlexNetSpec
from keras_resnet.spec.comparison.chain import PADDING


def build(spec: AlexNetSpec, **arguments) -> keras.Model:
    """Builds the network; the arguments, the result and the errors are those of `ResNet`."""
    return assemble(spec, features, dense_classifier, **arguments)


def features(x, spec: AlexNetSpec):
    """The convolutions, with overlapping max pooling: windows of 3x3 pixels, two apart."""
    for row in spec.convolutions():
        if row.stride > 1:
            x = layers.ZeroPadding2D(PADDING, name=f"{row.name}_pad")(x)
        settings = {"groups": row.groups, "activation": "relu"}
        x = convolution(x, row.filters, row.kernel, row.name, row.stride, **settings)
        if row.normalize:
            x = local_response_norm(x, f"{row.name}_lrn")
        if row.pool:
            x = max_pool(x, row.pool, f"{row.name}_pool")
    return x
