"""What is no model, path, array or spec at all is named in one sentence, everywhere."""

import numpy as np
import pytest

import keras_resnet
from keras_resnet import export, families, imagenet_utils

WRONG = [None, "x", 3.5, [1], object(), {}, b"x", np.ones(3), [["a"]], "x" * 5000]
IMAGE = np.ones((2, 2, 3), "float32")
# Each takes one argument, for which none of `WRONG` will do.
FUNCTIONS = {
    "replace_head": lambda it: keras_resnet.replace_head(it, 3),
    "feature_pyramid": keras_resnet.feature_pyramid,
    "to_checkpoint": lambda it: keras_resnet.to_checkpoint(it, "it.safetensors"),
    "from_checkpoint": keras_resnet.from_checkpoint,
    "preprocess_input": imagenet_utils.preprocess_input,
    "preprocess_tf": imagenet_utils.preprocess_tf,
    "preprocess_cifar10": imagenet_utils.preprocess_cifar10,
    "preprocess_input mode": lambda it: imagenet_utils.preprocess_input(IMAGE, mode=it),
    "decode_predictions": imagenet_utils.decode_predictions,
    "ResNet": keras_resnet.ResNet,
    "cifar": keras_resnet.cifar,
    "cifar block": lambda it: keras_resnet.cifar(8, it),
    "imagenet": keras_resnet.imagenet,
    "macs": keras_resnet.macs,
    "parameters": keras_resnet.parameters,
    "summary_table": lambda it: keras_resnet.summary_table({"it": it}),
    "from_json": families.from_json,
    "to_json": families.to_json,
    "build": families.build,
    "families.macs": families.macs,
    "save": lambda it: export.save(it, "folder"),
    "load": export.load,
    "save formats": lambda it: export.save(keras_resnet.ResNet8(), "folder", it),
    "decode classes": lambda it: imagenet_utils.decode_predictions(np.ones((1, 3)), classes=it),
    "block": lambda it: keras_resnet.ResNet8(block=it),
    "weights": lambda it: keras_resnet.ResNet8(weights=[it]),
    "input_tensor": lambda it: keras_resnet.ResNet8(input_tensor=[it]),
    "input_shape": lambda it: keras_resnet.ResNet8(input_shape=[it]),
    "classes": lambda it: keras_resnet.ResNet8(classes=[it]),
    "pooling": lambda it: keras_resnet.ResNet8(include_top=False, pooling=[it]),
    "classifier_activation": lambda it: keras_resnet.ResNet8(classifier_activation=[it]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_argument_of_another_type_gets_one_sentence(name):
    for wrong in WRONG:
        with pytest.raises((TypeError, ValueError)) as caught:
            FUNCTIONS[name](wrong)
        said = str(caught.value)
        assert "\n" not in said
        assert 10 < len(said) < 1000
        mine = isinstance(caught.value, keras_resnet.InputError)
        assert mine or ("; got " in said) or ("is no network config" in said), said
