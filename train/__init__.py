"""How a network is trained: data, recipe, engine, run folder, and the commands over them.

Imports `keras_resnet`, never the other way round.
"""

from train.quiet import quiet

with quiet():
    import keras  # noqa: F401, before it is imported elsewhere
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")  # looks for a driver, loudly
