"""VGG: 3x3 convolutions, deeper than any network before (Simonyan and Zisserman 2015).

Layers are named as in `keras.applications`, and files go over both ways.
"""

import keras

from keras_resnet.assembly import assemble
from keras_resnet.comparison.layers import (
    TORCH,
    convolution,
    dense_classifier,
    max_pool,
    normalized_relu,
)
from keras_resnet.spec.comparison import VGGSpec


def build(spec: VGGSpec, **arguments) -> keras.Model:
    """Builds the network; the arguments, the result and the errors are those of `ResNet`."""
    return assemble(spec, features, dense_classifier, **arguments)


def features(x, spec: VGGSpec):
    """The convolutions, with a max pooling after each block."""
    for row in spec.convolutions():
        activation = None if spec.batch_norm else "relu"
        x = convolution(x, row.filters, row.kernel, row.name, activation=activation)
        if spec.batch_norm:  # after a bias, as in torchvision
            x = normalized_relu(x, TORCH.epsilon, row.name)
        if row.pool:
            x = max_pool(x, row.pool, row.name.split("_")[0] + "_pool", pad=0)
    return x
