"""Residual networks as plain data: what they are made of, and what they cost.

Standard library only.
"""

from keras_resnet.spec.cost import macs, parameters
from keras_resnet.spec.presets import SPECS, cifar, imagenet, summary_table
from keras_resnet.spec.pyramid import Level, pyramid_levels
from keras_resnet.spec.spec import Spec

__all__ = [
    "SPECS", "Level", "Spec", "cifar", "imagenet", "macs", "parameters", "pyramid_levels",
    "summary_table",
]  # fmt: skip
