"""ResNet v1 and v2 for Keras, with every variant that the two papers compare.

And the networks that ResNet was compared with: LeNet-5, AlexNet, VGG and GoogLeNet.

Names are imported when they are first used: specs and their costs need neither Keras nor
TensorFlow, builders need Keras, and `keras_resnet.export` needs TensorFlow.
"""

from keras_resnet.spec import NETWORKS
from keras_resnet.utils.lazy import attach

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "models": [*NETWORKS],
        "network": ["ResNet"],
        "spec": [
            "COMPARISON",
            "NETWORKS",
            "SPECS",
            "Spec",
            "cifar",
            "imagenet",
            "macs",
            "parameters",
            "pyramid_levels",
            "summary_table",
        ],
        "backbone": ["feature_pyramid", "freeze_batchnorm", "replace_head"],
        "convert": ["from_checkpoint", "open_weights", "to_checkpoint"],
        "spec.preprocessing": ["Preprocessing"],
        "weights.saved": ["load_model", "save_model"],
        "utils.errors": ["InputError"],
        "utils.recursion": ["deep_recursion"],
        # Modules with the names of those of keras.applications, and the export to files.
        "resnet": [],
        "resnet50": [],
        "resnet_v2": [],
        "imagenet_utils": [],
        "export": [],
        "families": [],
    },
)
