"""Networks as if they were trained, without a training."""

import keras
import numpy as np

LIMITS = {
    "gamma": (0.5, 1), "beta": (-0.5, 0.5), "moving_mean": (-0.5, 0.5), "moving_variance": (0.5, 2),
}  # fmt: skip


def vary(model):
    """The model, whose normalizations have statistics, scales and shifts that do something."""
    draw = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable in layer.weights:
                variable.assign(draw.uniform(*LIMITS[variable.name], variable.shape))
    return model
