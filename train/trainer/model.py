"""The model of a network: with its normalization, in training, and in inference."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_resnet import families
from keras_resnet.families import NetworkConfig
from train.backend import backend
from train.data.dataset import Normalization
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer.optimizers import OPTIMIZERS
from train.trainer.precision import policy
from train.trainer.schedules import SCHEDULES


def network_model(
    network: NetworkConfig, normalization: Normalization, activation: str | None
) -> keras.Model:
    """A network with the normalization of images inside.

    Args:
        network: The network.
        normalization: Mean and std of each channel, 0 to 255.
        activation: Of the classifier; `None` for logits.

    Returns:
        A model of `(batch, height, width, channels)` images, 0 to 255 of any type, to
        `(batch, classes)` float32.
    """
    mean, std = normalization
    image = keras.Input(network.input_shape, name="image")
    normalize = keras.layers.Normalization(
        mean=mean, variance=[s**2 for s in std], dtype="float32", name="normalization"
    )
    return families.build(
        network,
        input_tensor=normalize(image),
        input_shape=network.input_shape,
        classifier_activation=activation,
    )


def training_model(
    network: NetworkConfig,
    recipe: Recipe,
    normalization: Normalization,
    execution: Execution,
    steps: int,
) -> keras.Model:
    """The network compiled for training: logits, weight decay, the recipe's schedule."""
    with backend().scope(), policy(execution.precision):
        model = backend().for_training(network_model(network, normalization, None))
        rate = SCHEDULES[recipe.schedule](recipe, recipe.epochs * steps)
        model.compile(
            OPTIMIZERS[recipe.optimizer](recipe, rate, model.trainable_variables),
            keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=recipe.label_smoothing
            ),
            weighted_metrics=["accuracy"],  # images that only fill up a batch weigh nothing
            **backend().compile_settings(execution),
        )
    return model


def inference_model(
    network: NetworkConfig,
    recipe: Recipe,
    normalization: Normalization,
    weights: Sequence[np.ndarray],
) -> keras.Model:
    """The trained network as users get it: stock layers, float32, probabilities.

    `weights` are those of the training model, in its order. A distilled network's logits are
    multiplied by the temperature of its teachers' probabilities.
    """
    with policy("float32"):
        final = network_model(network, normalization, "softmax")
    final.set_weights(weights)
    if recipe.teacher:
        head = final.layers[-1]
        head.set_weights([recipe.temperature * weight for weight in head.get_weights()])
    return final
