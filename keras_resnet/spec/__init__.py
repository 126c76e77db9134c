"""Networks as plain data: residual ones, what they cost, and those they were compared with.

Standard library only.
"""

from keras_resnet.spec.comparison import COMPARISON, ComparisonSpec
from keras_resnet.spec.config import NetworkConfig
from keras_resnet.spec.cost import macs, parameters
from keras_resnet.spec.presets import SPECS, cifar, imagenet, summary_table
from keras_resnet.spec.pyramid import Level, pyramid_levels
from keras_resnet.spec.spec import Spec

NETWORKS: dict[str, Spec | ComparisonSpec] = {**SPECS, **COMPARISON}  # all named ones

__all__ = [
    "COMPARISON", "NETWORKS", "SPECS", "Level", "NetworkConfig", "Spec", "cifar", "imagenet",
    "macs", "parameters", "pyramid_levels", "summary_table",
]  # fmt: skip
