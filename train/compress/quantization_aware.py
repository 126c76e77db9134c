"""Quantization-aware fine-tuning: a trained network adapts to int8 (Jacob et al. 2018).

Rounding is simulated in training where a phone will round (https://arxiv.org/abs/1712.05877):
kernels to 255 steps for each channel, and activations to 256 steps of the range that calibration
finds. Gradients pass straight through. The targets are the network's own predictions before, for
the very augmentations that it is trained on: labels are not needed.
"""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from keras.quantizers import fake_quant_with_min_max_vars as rounded

from keras_resnet.export.fold import fold, followers
from keras_resnet.export.formats import BATCH
from keras_resnet.utils.recursion import clone, functional
from train.backend import backend
from train.data.dataset import Split
from train.settings.recipe import Recipe
from train.trainer.schedules import SCHEDULES

LEARNING_RATE = 1e-4  # of a network that has been trained, and has no normalization left


class FakeQuantizedConv2D(layers.Conv2D):
    """A convolution whose kernel is rounded as in int8."""

    @property
    def kernel(self):
        """The kernel in 255 steps for each output channel."""
        exact = super().kernel
        most = ops.stop_gradient(ops.max(ops.abs(exact), axis=(0, 1, 2))) + 1e-9
        return rounded(exact, -most, most, num_bits=8, narrow_range=True, axis=3)


class FakeQuantize(layers.Layer):
    """Rounds activations to 256 steps of a range."""

    def __init__(self, low: float, high: float, **settings):
        super().__init__(**settings)
        self.low, self.high = low, high

    def call(self, inputs):
        """The inputs, rounded."""
        return rounded(inputs, self.low, self.high, num_bits=8)

    def compute_output_shape(self, input_shape):
        """That of the inputs; without this Keras might call it with sparse ones to find out."""
        return input_shape


def finetune(
    model: keras.Model, images: Split, calibration: np.ndarray, recipe: Recipe, epochs: int
) -> keras.Model:
    """Trains a network with simulated int8 rounding.

    Args:
        model: A trained classifier of raw images, with probabilities as output.
        images: To train with.
        calibration: `(n, height, width, channels)` images to find the ranges with.
        recipe: Of the training before, of which augmentation and batches are kept; images have
            the size of the model's, where those grew.
        epochs: How long; the rate falls from `LEARNING_RATE` to zero.

    Returns:
        The folded network with new weights, of stock layers and not rounded.

    Raises:
        InputError: if memory does not suffice.
    """
    engine = backend()
    folded = fold(model, images=False)  # a division within a kernel would change its scale
    student = fake_quantized(folded, calibration)
    recipe = replace(
        recipe, epochs=epochs, schedule="one_cycle", warmup=0.0, learning_rate=LEARNING_RATE,
        first_size=1.0, last_size=1.0,
    )  # fmt: skip
    steps = len(images) // recipe.batch_size
    student.compile(
        keras.optimizers.SGD(SCHEDULES[recipe.schedule](recipe, epochs * steps), recipe.momentum),
        keras.losses.CategoricalCrossentropy(),
        weighted_metrics=["accuracy"],
        **engine.compile_settings(),
    )
    with engine.explain_errors():
        predicted = np.stack([
            model.predict(engine.pool_batches(images, recipe, epoch), verbose=0)
            for epoch in range(epochs)
        ])  # fmt: skip
        student.fit(
            engine.training_batches(images, predicted.shape[2], recipe, targets=predicted),
            epochs=epochs,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=2,
        )
    for layer in folded.layers:
        if layer.weights:
            layer.set_weights(student.get_layer(layer.name).get_weights())
    return fold(folded)


def fake_quantized(folded: keras.Model, calibration: np.ndarray) -> keras.Model:
    """The same network, rounding where a phone rounds; convolutions and the head are trainable."""
    ranges = _ranges(folded, calibration)

    def copy(layer):
        kind = FakeQuantizedConv2D if type(layer) is layers.Conv2D else layer.__class__
        return kind.from_config(layer.get_config())

    def call(layer, *tensors, **_: Any):
        result = layer(*tensors)
        return FakeQuantize(*ranges[layer.name])(result) if layer.name in ranges else result

    student = clone(folded, clone_function=copy, call_function=call)
    for layer in folded.layers:
        if layer.weights:
            student.get_layer(layer.name).set_weights(layer.get_weights())
    return student


def _ranges(folded: keras.Model, calibration: np.ndarray) -> dict[str, tuple[float, float]]:
    """The least and the greatest output of each layer whose output is rounded; zero included."""
    after = followers(folded)
    ends = [
        layer
        for layer in folded.layers[1:]
        # A ReLU is fused into the layer before it.
        if layer.name != folded.layers[-1].name
        and not isinstance(after.get(layer.name), layers.Activation)
    ]

    def limits(output):
        axes = tuple(range(1, len(output.shape)))
        return ops.min(output, axes), ops.max(output, axes)

    watched = functional(folded.inputs, [limits(layer.output) for layer in ends])
    found = watched.predict(calibration, batch_size=BATCH, verbose=0)
    return {
        layer.name: (min(0.0, float(low.min())), max(0.0, float(high.max())))
        for layer, (low, high) in zip(ends, found, strict=True)
    }
