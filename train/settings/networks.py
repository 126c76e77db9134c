"""The networks that commands name. No Keras, no TensorFlow."""

from keras_resnet.spec import NETWORKS

MODELS = {name.lower(): network for name, network in NETWORKS.items()}
