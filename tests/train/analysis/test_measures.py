"""Responses, gradients and initialization, against NumPy and finite differences."""

import keras
import numpy as np
import pytest

import keras_resnet
from tests.train.analysis.networks import inside, network, sample, spec
from train.analysis import forward, graph
from train.analysis.gradients import BATCH, ROUNDS, gradient_norms, train_early
from train.analysis.initialization import INITIALIZERS
from train.analysis.subject import Sample
from train.backend import backend

CASES = {  # where responses are seen: after BN if it follows at once, else of the convolution
    "original": ["conv1_bn", "conv2_block1_1_bn", "conv2_block1_2_bn"],
    "full_preact": ["conv2_block1_preact_bn", "conv2_block1_1_bn", "conv2_block1_2_conv"],
}


@pytest.mark.parametrize("order", CASES)
def test_responses_are_those_of_numpy(order):
    model, images = network(spec(activation_order=order)), sample(130).images
    tensors = graph.responses(model)
    stds = forward.deviations(graph.observe(model, tensors), images)
    found = dict(zip(tensors, stds, strict=True))
    assert [*tensors][:3] == ["conv1_conv", "conv2_block1_1_conv", "conv2_block1_2_conv"]
    assert len(tensors) == 9
    for layer, seen in zip(tensors, CASES[order], strict=False):
        np.testing.assert_allclose(found[layer], inside(model, seen, images).std(), rtol=1e-5)


def test_projections_are_no_layers_of_the_main_path():
    model = network(spec(shortcut="C"))
    assert len(graph.responses(model)) == 9
    assert [layer.name for layer in graph.weighted_layers(model)][-1] == "predictions"
    assert len(graph.weighted_layers(model)) == 10


def test_gradient_norms_are_those_of_finite_differences():
    model, (images, labels) = network(spec()), sample()
    before = model.get_weights()
    norms = gradient_norms(model, sample())
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    gradients = backend().gradients(model, images, labels)
    place = {id(v): i for i, v in enumerate(model.trainable_variables)}
    for layer, norm in zip(graph.weighted_layers(model), norms, strict=True):
        kernel = layer.kernel.numpy()
        gradient = gradients[place[id(layer.kernel)]]
        np.testing.assert_allclose(norm, np.linalg.norm(gradient), rtol=1e-5)
        step, losses = 0.003 / norm, []
        for sign in (1, -1):  # along the gradient, the slope is its norm
            layer.kernel.assign(kernel + sign * step * gradient)
            values = model.trainable_variables, model.non_trainable_variables
            logits, _ = model.stateless_call(*values, images, training=True)
            losses.append(float(loss(labels, logits)))
        layer.kernel.assign(kernel)
        slope = (losses[0] - losses[1]) / (2 * step * norm)
        np.testing.assert_allclose(slope, norm, rtol=0.03)


def test_early_training_is_a_few_steps_down():
    model, some = network(spec()), sample(2 * BATCH)
    before = model.get_weights()
    assert train_early(model, some) == 2 * ROUNDS
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def value():
        trained = model.trainable_variables, model.non_trainable_variables
        return float(
            loss(some.labels, model.stateless_call(*trained, some.images, training=True)[0])
        )

    after = value()
    model.set_weights(before)
    assert after < value()


def test_initial_weights_depend_on_the_seed_only():
    model = network(spec())
    first, same, other = (graph.initialized(model, seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(*pair) for pair in zip(first, same, strict=True))
    kernels = [i for i, weight in enumerate(first) if weight.ndim > 1]
    assert len(kernels) == 10
    assert all(not np.array_equal(first[i], other[i]) for i in kernels)
    assert len({first[i].ravel()[0] for i in kernels}) == 10


def test_xavier_halves_the_variance_that_he_keeps_and_normalization_makes_one():
    """Delving Deep into Rectifiers, Eq. 10; wide and of one stage, so that the law is near."""
    model = network(spec(blocks=(5,), widths=(64,), shortcut="none", input_shape=(16, 16, 3)))
    images = sample(20).images.repeat(2, axis=1).repeat(2, axis=2)
    ratios = {}
    for name, initializer in INITIALIZERS.items():
        made = graph.initialized(model, 0, initializer, normalized=False)
        found = forward.deviations(graph.observe(made, graph.responses(made)), images, True)
        ratios[name] = (found[-1] / found[1]) ** (2 / (len(found) - 2))  # of variances, by layer
        whole = graph.initialized(model, 0, initializer)
        found = forward.deviations(graph.observe(whole, graph.responses(whole)), images, True)
        np.testing.assert_allclose(found, 1, rtol=1e-3)
    # The border of zeros takes a little from both.
    np.testing.assert_allclose(ratios["He"], 1, atol=0.12)
    np.testing.assert_allclose(ratios["Xavier"] / ratios["He"], 0.5, atol=0.02)


@pytest.mark.parametrize("form", ["LeNet5", "LeNet5ReLU"])
def test_networks_with_fixed_and_depthwise_kernels_are_analyzed_too(form):
    """LeNet-5 ends in codes that are not learned, and subsamples with a factor for each channel."""
    model = getattr(keras_resnet, form)(classifier_activation=None)
    images = (
        np.random.default_rng(0).integers(0, 256, (20, *model.input_shape[1:])).astype("float32")
    )
    some = Sample(images, np.arange(20) % 10)
    again = graph.initialized(model, 1)
    norms = gradient_norms(again, some)
    assert len(norms) == len(graph.weighted_layers(model)) and (norms > 0).all()
    twice = graph.initialized(model, 1).get_weights()
    for one, other in zip(again.get_weights(), twice, strict=True):
        np.testing.assert_array_equal(one, other)
    for layer in model.layers:
        if not layer.trainable and layer.weights:
            np.testing.assert_array_equal(
                layer.get_weights()[0], again.get_layer(layer.name).get_weights()[0]
            )


def test_no_number_is_no_right_answer():
    class Undefined:
        def predict_on_batch(self, images):
            return np.full((len(images), 10), np.nan)

    assert forward.error(Undefined(), Sample(np.zeros((4, 8, 8, 3)), np.zeros(4, int))) == 1
