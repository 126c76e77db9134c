"""The learning rate as a function of the step: stock Keras schedules, made from a recipe."""

from collections.abc import Callable
from functools import partial

from keras.optimizers import schedules

from train.settings.recipe import Recipe


def one_cycle(recipe: Recipe, steps: int):
    """Linear from zero to the peak, then half a cosine to zero; the warm-up is part of `steps`."""
    warmup = min(round(steps * recipe.warmup), steps - 1)
    return schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else recipe.learning_rate,
        decay_steps=steps - warmup,
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def step(recipe: Recipe, steps: int, bounds: tuple[float, float] = (1 / 2, 3 / 4)):
    """The peak, a tenth of it from half of `steps`, a hundredth from three quarters.

    During the warm-up it is a tenth: He et al. 2015, 4.2, for ResNet-110; 2016, appendix, for all.
    """
    warmup, peak = round(steps * min(recipe.warmup, 0.8 * bounds[0])), recipe.learning_rate
    ends, rates = [int(steps * bound) for bound in bounds], [peak, peak / 10, peak / 100]
    if warmup:
        ends, rates = [warmup, *ends], [peak / 10, *rates]
    return schedules.PiecewiseConstantDecay(ends, rates)


SCHEDULES: dict[str, Callable] = {
    "one_cycle": one_cycle,
    "step": step,
    "step_thirds": partial(step, bounds=(1 / 3, 2 / 3)),  # fb.resnet.torch
}
