"""ResNet v1 and v2 for Keras, with what the two papers compare."""

from keras_resnet.errors import InputError
from keras_resnet.resnet import ResNet
from keras_resnet.spec import Spec
from keras_resnet.zoo import (
    SPECS,
    ResNet8,
    ResNet20,
    ResNet20V2,
    ResNet32,
    ResNet32V2,
    ResNet44,
    ResNet44V2,
    ResNet50,
    ResNet50V2,
    ResNet56,
    ResNet56V2,
    ResNet101,
    ResNet101V2,
    ResNet110,
    ResNet110V2,
    ResNet152,
    ResNet152V2,
    cifar,
    imagenet,
)

__version__ = "0.1.0"

__all__ = [
    "SPECS",
    "InputError",
    "ResNet",
    "ResNet8",
    "ResNet20",
    "ResNet20V2",
    "ResNet32",
    "ResNet32V2",
    "ResNet44",
    "ResNet44V2",
    "ResNet50",
    "ResNet50V2",
    "ResNet56",
    "ResNet56V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet110",
    "ResNet110V2",
    "ResNet152",
    "ResNet152V2",
    "Spec",
    "cifar",
    "imagenet",
]
