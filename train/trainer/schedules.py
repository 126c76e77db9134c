"""The learning rate as a function of the step: stock Keras schedules, made from a recipe."""

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


def step(recipe: Recipe, steps: int):
    """The peak, a tenth of it from half of `steps`, a hundredth from three quarters.

    During the warm-up it is a tenth: He et al. 2015, 4.2, for ResNet-110; 2016, appendix, for all.
    """
    warmup, peak = round(steps * min(recipe.warmup, 0.4)), recipe.learning_rate
    bounds, rates = [steps // 2, steps * 3 // 4], [peak, peak / 10, peak / 100]
    if warmup:
        bounds, rates = [warmup, *bounds], [peak / 10, *rates]
    return schedules.PiecewiseConstantDecay(bounds, rates)


SCHEDULES = {"one_cycle": one_cycle, "step": step}
