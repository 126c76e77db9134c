"""Small networks with weights and statistics at random, as if they were trained."""

import keras
import numpy as np

from keras_resnet import Spec
from train.analysis.subject import Sample
from train.data.statistics import Normalization
from train.trainer.model import network_model

NORMALIZATION = Normalization([120.0] * 3, [60.0] * 3)


def spec(**changes) -> Spec:
    fields = {"blocks": (2, 2), "widths": (4, 6), "input_shape": (8, 8, 3), "classes": 5}
    return Spec(**fields | changes)


def network(config: Spec, seed: int = 0) -> keras.Model:
    model, rng = network_model(config, NORMALIZATION, None), np.random.default_rng(seed)
    for variable in model.weights:
        if len(variable.shape) == 1 and variable.path.split("/")[0] != "normalization":
            low, high = (0.5, 1.5) if variable.name in ("gamma", "moving_variance") else (-0.5, 0.5)
            variable.assign(rng.uniform(low, high, variable.shape))
    return model


def sample(count: int = 24, seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 8, 8, 3)).astype(np.float32)
    return Sample(images, rng.integers(0, 5, count))


def outputs(model: keras.Model) -> np.ndarray:
    """Of the sample, without a program that would have to be made first."""
    return keras.ops.convert_to_numpy(model(sample().images, training=False))


def inside(model: keras.Model, name: str, images: np.ndarray) -> np.ndarray:
    """The output of a layer."""
    part = keras.Model(model.inputs[0], model.get_layer(name).output)
    return part.predict(images, verbose=0)


def copy_weights(source: keras.Model, target: keras.Model, names: dict[str, str]) -> None:
    """Copies layers; some have another block's name in the source."""
    for layer in target.layers:
        block = "_".join(layer.name.split("_")[:2])
        name = layer.name.replace(block, names.get(block, block))
        layer.set_weights(source.get_layer(name).get_weights())
