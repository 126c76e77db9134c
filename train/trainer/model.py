"""The model of a network: with its normalization, in training, and in inference."""

from collections.abc import Sequence

import keras

from keras_resnet import families
from keras_resnet.families import NetworkConfig
from keras_resnet.utils.recursion import functional
from train.backend import backend
from train.data.statistics import Normalization
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer.optimizers import OPTIMIZERS
from train.trainer.precision import policy
from train.trainer.schedules import SCHEDULES
from train.trainer.stages import freeze


def network_model(
    network: NetworkConfig,
    normalization: Normalization,
    activation: str | None,
    shape: tuple[int | None, int | None, int] | None = None,
) -> keras.Model:
    """A network with the normalization of images inside.

    Args:
        network: The network.
        normalization: Mean and std of each channel, 0 to 255.
        activation: Of the classifier; `None` for logits.
        shape: Of the images; by default the network's own.

    Returns:
        A model of `(batch, height, width, channels)` images, 0 to 255 of any type, to
        `(batch, classes)` float32.
    """
    mean, std = normalization
    shape = shape or network.input_shape
    image = keras.Input(shape, name="image")
    normalize = keras.layers.Normalization(
        mean=mean, variance=[s**2 for s in std], dtype="float32", name="normalization"
    )
    return families.build(
        network,
        input_tensor=normalize(image),
        input_shape=shape,
        classifier_activation=activation,
    )


class DeeplySupervised(keras.Model):
    """A functional model of several outputs, each of which learns the same targets.

    Measures and the loss on images held out are those of the first output. Only for training:
    `inference_model` leaves the others out.

    Args:
        inputs: Of the model.
        outputs: Logits: those of the network, and those of its auxiliary heads.
        shares: In the loss, of the auxiliary heads.
    """

    def __init__(self, inputs, outputs, shares: Sequence[float]):
        super().__init__(inputs=inputs, outputs=outputs)
        self.shares = tuple(shares)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of the network; in training, with the shares of the auxiliary heads."""
        main, *heads = y_pred
        loss = super().compute_loss(x, y, main, sample_weight, training)
        for share, head in zip(self.shares if training else (), heads, strict=False):
            loss += share * self.loss(y, head, sample_weight=sample_weight)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """The measures of the network."""
        return super().compute_metrics(x, y, y_pred[0], sample_weight)


def _with_auxiliary_heads(network: NetworkConfig, model: keras.Model) -> keras.Model:
    heads, engine = families.auxiliary_heads(network, model), backend()
    if not heads:
        fast = engine.for_training(model)
        return functional(fast.inputs[0], fast.outputs[0], engine.training_class(keras.Model))
    shares, logits = zip(*heads, strict=True)
    fast = engine.for_training(functional(model.input, [model.output, *logits]))
    cls = engine.training_class(DeeplySupervised)
    return functional(fast.inputs[0], fast.outputs, cls, shares=shares)


def training_model(
    network: NetworkConfig,
    recipe: Recipe,
    normalization: Normalization,
    execution: Execution,
    steps: int,
) -> keras.Model:
    """The network compiled for training: logits, weight decay, the recipe's schedule.

    With the auxiliary heads of its family, if it has any.
    """
    with backend().scope(), policy(execution.precision):
        shape = (None, None, network.input_shape[2]) if recipe.resizes else network.input_shape
        logits = network_model(network, normalization, None, shape)
        model = _with_auxiliary_heads(network, logits)
        freeze(model, recipe)
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
    model: keras.Model,
) -> keras.Model:
    """The trained network as users get it: stock layers, float32, probabilities.

    A distilled network's logits are multiplied by the temperature of its targets.
    """
    with policy("float32"):
        final = network_model(network, normalization, "softmax")
    for layer in final.layers:  # by name, as auxiliary heads stay behind
        if not layer.weights:  # names of operations, as of LeNet-5's, count up
            continue
        layer.set_weights(model.get_layer(layer.name).get_weights())
    if recipe.teacher:
        head = final.layers[-1]
        head.set_weights([recipe.target_temperature * weight for weight in head.get_weights()])
    if recipe.half_kernels:
        for kernel in (each for each in final.trainable_variables if each.ndim > 1):
            kernel.assign(keras.ops.cast(keras.ops.cast(kernel, "bfloat16"), "float32"))
    return final
