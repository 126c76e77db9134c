"""What computes a training: the only part that knows the framework below Keras.

A backend is a module with the functions of `train.backend.tensorflow`; its key is Keras's name.
"""

import os
from importlib import import_module
from types import ModuleType

from keras_resnet.utils.errors import lookup
from train.utils.quiet import quiet

BACKENDS = {"tensorflow": "train.backend.tensorflow"}


def backend() -> ModuleType:
    """The backend of Keras in this process; imports Keras and the framework, quietly.

    Raises:
        InputError: if training does not run on it.
    """
    # TensorFlow 2.21 takes oneDNN's kernels only on CPUs with instructions made for networks;
    # without them, others train at half the speed (docs/performance.md). It decides at its import.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with quiet():
        import keras

        name = keras.backend.backend()
        return import_module(lookup(BACKENDS, name, "backend of Keras for training"))
