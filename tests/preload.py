"""What the server of `forked.py` imports: all that commands import, but not the commands."""

from train.backend import backend

backend()

import keras_tuner  # noqa: E402, F401
import tensorflow_datasets  # noqa: E402, F401

import train.compress.quantization_aware  # noqa: E402
import train.data.tfds  # noqa: E402
import train.measure.comparison  # noqa: E402
import train.search.tuner  # noqa: E402, F401
