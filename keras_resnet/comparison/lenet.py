"""LeNet-5: convolutions that learned to read cheques (LeCun et al. 1998, section II.B).

Layers have the paper's names: C1, S2, C3, S4, C5, F6, and the classes.
"""

import keras
import numpy as np
from keras import layers, ops

from keras_resnet.assembly import assemble, find_activation, head_dtype, predictions
from keras_resnet.comparison.layers import INITIALIZER
from keras_resnet.layers import channel_axis
from keras_resnet.spec.comparison import LeNetSpec
from keras_resnet.weights.readers import HEAD

# Table I: the maps of S2 that each of the 16 maps of C3 sees.
CONNECTIONS = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
UNITS = 84  # of F6
CODES_SEED = 1998


def build(spec: LeNetSpec, **arguments) -> keras.Model:
    """Builds the network; the arguments, the result and the errors are those of `ResNet`."""
    return assemble(spec, FEATURES[spec.form], CLASSIFIERS[spec.form], **arguments)


def paper_features(x, spec: LeNetSpec):
    """C1 to C5 as in the paper."""
    x = squash(_conv(x, 6, "c1"))
    x = squash(subsample(x, "s2"))
    # One convolution for each map: on CPUs, TensorFlow trains groups a hundred times slower.
    maps = [
        _conv(ops.take(x, seen, axis=channel_axis()), 1, f"c3_{number}")
        for number, seen in enumerate(CONNECTIONS, 1)
    ]
    x = squash(layers.Concatenate(axis=channel_axis(), name="c3")(maps))
    x = squash(subsample(x, "s4"))
    return squash(_conv(x, 120, "c5"))


def paper_classifier(x, spec: LeNetSpec, classes: int, activation):
    """F6, and the distances of its outputs from a fixed code of each class.

    A class's score is minus the squared distance (equation 7), up to the square of F6, which is
    that of all classes: a dense layer that is not trained. Its cross-entropy is the paper's
    criterion (equation 9) without the class of garbage. Two things differ. The paper drew the codes
    as images of the characters, and says that they may be chosen by chance: so they are here, for
    any classes. And scores are divided by the root of 84, so that they begin at the scale of other
    networks', and the learning rates of these do.
    """
    x = layers.Flatten(name="flatten")(x)
    x = squash(_dense(x, UNITS, "f6"))
    codes = np.random.default_rng(CODES_SEED).choice((-1.0, 1.0), (classes, UNITS))
    head = layers.Dense(
        classes, find_activation(activation), trainable=False, dtype=head_dtype(), name=HEAD
    )
    scores = head(x)
    scale = UNITS**-0.5
    head.set_weights([2 * scale * codes.T, -scale * (codes**2).sum(1)])
    return scores


def relu_features(x, spec: LeNetSpec):
    """The same sizes with ReLU, max pooling, and every map of C3 on all of S2."""
    settings = {"activation": "relu", "kernel_initializer": INITIALIZER}
    for filters, name, pool in ((6, "c1", "s2"), (16, "c3", "s4")):
        x = layers.Conv2D(filters, 5, name=name, **settings)(x)
        x = layers.MaxPooling2D(2, name=pool)(x)
    return layers.Conv2D(120, 5, name="c5", **settings)(x)


def relu_classifier(x, spec: LeNetSpec, classes: int, activation):
    """F6 and the classes, dense layers."""
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(UNITS, "relu", kernel_initializer=INITIALIZER, name="f6")(x)
    return predictions(x, classes, activation)


FEATURES = {"paper": paper_features, "relu": relu_features}
CLASSIFIERS = {"paper": paper_classifier, "relu": relu_classifier}


def squash(x):
    """The paper's activation, `1.7159 tanh(2/3 x)` (equation 6 and appendix A)."""
    return 1.7159 * ops.tanh(x * (2 / 3))


def subsample(x, name: str):
    """The mean of 2x2 pixels times a coefficient, plus a bias; both are learned for each map.

    The paper takes the sum. The coefficient begins at one.
    """
    x = layers.AveragePooling2D(2, name=f"{name}_mean")(x)
    return layers.DepthwiseConv2D(1, depthwise_initializer="ones", name=name)(x)


def _conv(x, filters: int, name: str):
    initializer = _uniform(25 * x.shape[channel_axis()])
    return layers.Conv2D(filters, 5, kernel_initializer=initializer, name=name)(x)


def _dense(x, units: int, name: str):
    return layers.Dense(units, kernel_initializer=_uniform(x.shape[-1]), name=name)(x)


def _uniform(fan_in: int):
    """Appendix A: between -2.4 / F and 2.4 / F, F being the number of inputs of a unit."""
    return keras.initializers.RandomUniform(-2.4 / fan_in, 2.4 / fan_in)
