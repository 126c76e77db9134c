"""How a network is trained: data, recipe, engine, run folder, and the commands over them.

Imports `keras_resnet`, never the other way round.
"""

import os

from train.quiet import quiet

# TensorFlow 2.21 takes oneDNN's kernels only on CPUs with instructions made for networks; without
# them, others train at half the speed (docs/performance.md). It decides as it is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

with quiet():
    import keras  # noqa: F401, before it is imported elsewhere
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")  # looks for a driver, loudly
