"""ResNet v1 and v2 for Keras, with every variant that the two papers compare.

The names below are imported when they are first used: specs and their costs need neither Keras nor
TensorFlow, builders need Keras, and `keras_resnet.export` needs TensorFlow.
"""

from keras_resnet.utils.lazy import attach

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "models": [
            "PlainNet18",
            "PlainNet20",
            "PlainNet32",
            "PlainNet34",
            "PlainNet44",
            "PlainNet56",
            "PlainNet110",
            "ResNet8",
            "ResNet18",
            "ResNet18V2",
            "ResNet20",
            "ResNet20V2",
            "ResNet32",
            "ResNet32V2",
            "ResNet34",
            "ResNet34V2",
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
            "ResNet164",
            "ResNet164V2",
            "ResNet200",
            "ResNet200V2",
            "ResNet1001",
            "ResNet1001V2",
            "ResNet1202",
        ],
        "network": ["ResNet"],
        "spec": [
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
        "convert": ["from_checkpoint", "to_checkpoint"],
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
