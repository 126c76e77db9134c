"""How gradients become steps: stock SGD with the papers' decay, and Muon for convolutions."""

from typing import Any

import keras
from keras import ops

from train.backend import backend
from train.settings.recipe import Recipe
from train.trainer.stages import rate_factors


class ConvMuon(keras.optimizers.SGD):
    """Orthogonalized momentum for the kernels of convolutions, SGD for all else.

    The momentum of a kernel, as a matrix of one row for each output channel, is brought near to the
    closest matrix with orthonormal rows by five Newton-Schulz steps, so that all directions are
    learned at one pace (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon). They are
    in float32 whatever the network computes in: in bfloat16 a direction may be wrong by a third.
    Keras's own `Muon` leaves kernels of four axes to AdamW.

    Args:
        learning_rate: Of SGD; kernels have a quarter of it, the most that one of their singular
            values can change in a step.
        decay: L2 decay of kernels. It is decoupled, and by `learning_rate * decay / (1 -
            momentum)` a step as strong as L2 is in SGD with momentum.
        steps: How many Newton-Schulz steps follow from each Gram matrix.
        **settings: Of `keras.optimizers.SGD`.
    """

    SHARE = 0.25  # of the learning rate, for kernels: found by ablation, docs/performance.md
    COEFFICIENTS = 3.4445, -4.7750, 2.0315  # Jordan et al. 2024: the steepest at zero
    STEPS = (5,)  # in full float32
    ROUNDED_STEPS = 2, 3  # with TensorFloat-32, whose 11 bits are too few for five from one

    def __init__(self, learning_rate, decay: float = 0.0, steps=STEPS, **settings):
        super().__init__(learning_rate, **settings)
        self.decay, self.steps = decay, [*steps]

    def update_step(self, gradient, variable, learning_rate):
        """Takes a step with one variable."""
        if len(variable.shape) != 4:
            super().update_step(gradient, variable, learning_rate)
            return
        rate = ops.cast(learning_rate, variable.dtype)
        momentum = self.momentums[self._get_variable_index(variable)]
        self.assign(momentum, self.momentum * momentum + gradient)
        ahead = gradient + self.momentum * momentum if self.nesterov else momentum
        step = orthogonal(ops.reshape(ahead, (-1, variable.shape[-1])), self.steps)
        step = ops.reshape(step, variable.shape)
        kept = 1 - rate * self.decay / (1 - self.momentum)
        self.assign(variable, variable * kept - self.SHARE * rate * step)

    def get_config(self):
        """All arguments of the constructor."""
        return super().get_config() | {"decay": self.decay, "steps": self.steps}


class StagedSGD(keras.optimizers.SGD):
    """SGD with a share of the learning rate for each variable: "discriminative" rates.

    Earlier stages see edges and textures, which other images have as well, and change less
    (Howard and Ruder 2018, 3.2).

    Args:
        learning_rate: Of SGD.
        factors: Of the rate, for each trainable variable in order.
        **settings: Of `keras.optimizers.SGD`.
    """

    def __init__(self, learning_rate, factors=(), **settings):
        super().__init__(learning_rate, **settings)
        self.factors = [*factors]

    def update_step(self, gradient, variable, learning_rate):
        """Takes a step with one variable."""
        factor = self.factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self):
        """All arguments of the constructor."""
        return super().get_config() | {"factors": self.factors}


def orthogonal(matrix, steps):
    """A matrix of the same singular vectors, with singular values of about one, 0.7 to 1.2.

    A Newton-Schulz step multiplies the matrix by a polynomial of its Gram matrix, which is all
    that the next step needs as well. Kernels are longer than wide, so products of Gram matrices
    alone take half of the time ("Gram Newton-Schulz", https://dao-lab.ai/blog/2026/gram-newton-schulz).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix / (ops.norm(matrix) + 1e-7)
    for count in steps:
        flipped = ops.transpose(x)  # TensorFlow transposes within the product, for nothing
        factor = _newton_schulz(ops.matmul(flipped, x) if tall else ops.matmul(x, flipped), count)
        x = ops.matmul(x, factor) if tall else ops.matmul(factor, x)
    return x


def _newton_schulz(gram, steps: int):
    # What so many steps multiply a matrix by that has this Gram matrix.
    a, b, c = ConvMuon.COEFFICIENTS
    line = a * ops.eye(gram.shape[0], dtype=gram.dtype)
    product = factor = line + b * gram + c * ops.matmul(gram, gram)
    for _ in range(steps - 1):
        gram = ops.matmul(factor, ops.matmul(gram, factor))
        factor = line + b * gram + c * ops.matmul(gram, gram)
        product = ops.matmul(product, factor)
    return product


def _decay(variables, factor: float) -> None:
    # The papers' decay is L2. Keras's SGD(weight_decay=) is decoupled, and at momentum 0.9 ten
    # times weaker; its regularizer sums whole squares, hence half of the factor.
    for variable in variables:
        if factor and variable.name == "kernel":
            variable.regularizer = keras.regularizers.L2(factor / 2)


def sgd(recipe: Recipe, schedule, variables) -> keras.optimizers.Optimizer:
    """SGD with momentum, and L2 on all kernels."""
    _decay(variables, recipe.weight_decay)
    if recipe.stage_decay != 1:
        factors = rate_factors(variables, recipe.stage_decay)
        return StagedSGD(schedule, factors, **_settings(recipe))
    return keras.optimizers.SGD(schedule, **_settings(recipe))


def muon(recipe: Recipe, schedule, variables) -> keras.optimizers.Optimizer:
    """Muon, and L2 on the kernels that it leaves to SGD."""
    _decay((v for v in variables if len(v.shape) != 4), recipe.weight_decay)
    steps = ConvMuon.ROUNDED_STEPS if backend().hardware()["gpus"] else ConvMuon.STEPS
    return ConvMuon(schedule, recipe.weight_decay, steps, **_settings(recipe))


def _settings(recipe: Recipe) -> dict[str, Any]:
    settings = {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    if recipe.ema_decay:
        settings |= {"use_ema": True, "ema_momentum": recipe.ema_decay}
    return settings


OPTIMIZERS = {"sgd": sgd, "muon": muon}
