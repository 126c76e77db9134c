"""How a network is trained: data, recipe, engine, run folder, and the commands over them.

Imports `keras_resnet`, never the other way round.
"""

from keras_resnet.quiet import quiet

with quiet():
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")  # looks for a driver, loudly
