"""Many training steps in one call of the device, on images that stay in its memory.

A step of a small network takes an accelerator less time than `Model.fit` takes to hand it over.
So a batch that `fit` is given can be a `Block`: what some steps show, by index, beside images that
were put on the device once. An overridden `train_step` runs them by `lax.scan`, and cuts, mirrors
and mixes the images of a step within it. On a CPU this is slower than a step at a time: XLA gives
convolutions in loops one thread.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from train.backend.jax.devices import devices
from train.data.augment import in_holes, in_plan_only, padded
from train.data.dataset import Split
from train.data.draws import EpochPlan
from train.settings.execution import Execution
from train.settings.recipe import Recipe

SHORTEST, LONGEST = 16, 128  # steps: fewer cost calls, more make stops and progress late
MEMORY_SHARE = 0.25  # of a device, for images at most: the rest is for training


Array = np.ndarray | jax.Array


class Stock(NamedTuple):
    """What stays on the device."""

    pixels: jax.Array  # (n, padded height, padded width, channels) uint8
    fill: jax.Array  # (channels,) uint8, the color of holes
    cutout: jax.Array  # () int32, their side


class Cuts(NamedTuple):
    """Which images are shown, and which part of each."""

    which: Array  # (steps, batch) int32
    offsets: Array  # (steps, batch, 2) int32, top and left in the padded image
    mirrored: Array  # (steps, batch) bool
    holes: Array  # (steps, batch, 2) int32, see `EpochPlan`


class Block(NamedTuple):
    """The images of some steps."""

    stock: Stock
    own: Cuts
    others: Cuts | None = None  # what mixup mixes into them
    lambdas: Array | None = None  # (steps, batch) float32, the share of those


def block_steps(split: Split, recipe: Recipe, execution: Execution) -> int:
    """How many steps one batch is to hold, see `Backend`: as told or, on accelerators, many."""
    resident = split.in_memory and in_plan_only(recipe) and len(devices()) == 1
    if not resident or not _fits(split, recipe):
        return 1
    return execution.steps_per_execution or _divisor(len(split) // recipe.batch_size)


def _fits(split: Split, recipe: Recipe) -> bool:
    memory = (devices()[0].memory_stats() or {}).get("bytes_limit", np.inf)  # a CPU has no limit
    height, width, channels = split.shape
    border = 2 * recipe.crop_padding
    size = len(split) * (height + border) * (width + border) * channels
    return size <= MEMORY_SHARE * memory


def _divisor(steps: int) -> int:
    """A number of steps that divides an epoch, as another one for its end is compiled as well."""
    found = max(size for size in range(1, LONGEST + 1) if steps % size == 0)
    return found if found >= SHORTEST else LONGEST


class Resident:
    """Makes `Block`s of one split.

    Args:
        split: The images, all of which are put on the device.
        recipe: How they are augmented, by crops, flips, holes and mixup alone.
        fill: `(channels,)` uint8, the color around them, and of holes.
    """

    def __init__(self, split: Split, recipe: Recipe, fill: np.ndarray):
        self.mixed = bool(recipe.mixup)
        # Not bound to a device, as what else Keras hands over: a mixture is compiled once more.
        arrays = padded(split, recipe, fill), fill, np.int32(recipe.cutout)
        self.stock = Stock(*map(jax.device_put, arrays))

    def block(self, index: np.ndarray, plan: EpochPlan) -> Block:
        """The images with these `(steps, batch)` indices, as an epoch shows them."""
        own = _cuts(index, plan)
        if not self.mixed:
            return Block(self.stock, own)
        others = _cuts(plan.partners[index], plan)
        return Block(self.stock, own, others, plan.lambdas[index])


def _cuts(index: np.ndarray, plan: EpochPlan) -> Cuts:
    offsets = plan.offsets[index].astype(np.int32)
    holes = plan.holes[index].astype(np.int32)
    return Cuts(index.astype(np.int32), offsets, plan.mirrored[index], holes)


def images(block: Block, size: tuple[int, int]) -> jax.Array:
    """The images of a step, whose arrays have no axis of steps: as `augmenter` makes them.

    Args:
        block: The step.
        size: Height and width of an image.

    Returns:
        `(batch, height, width, channels)` uint8.
    """
    own = _cut(block.stock, block.own, size)
    if block.others is None or block.lambdas is None:
        return own
    share = block.lambdas[:, None, None, None]
    others = _cut(block.stock, block.others, size)
    mixed = (1 - share) * own.astype(jnp.float32) + share * others.astype(jnp.float32)
    return jnp.round(mixed).astype(jnp.uint8)


def _cut(stock: Stock, cuts: Cuts, size: tuple[int, int]) -> jax.Array:
    height, width = map(jnp.arange, size)
    rows = cuts.offsets[:, :1] + height
    columns = cuts.offsets[:, 1:] + jnp.where(cuts.mirrored[:, None], width[::-1], width)
    places = cuts.which[:, None, None], rows[:, :, None], columns[:, None, :]
    shown = stock.pixels.at[places].get(mode="promise_in_bounds")
    hidden = in_holes(cuts.holes, size, stock.cutout, jnp.arange)
    return jnp.where(hidden[..., None], stock.fill, shown)


class InBlocks(keras.Model):
    """Trains on a `Block`, of targets with an axis of steps, as step by step on its images."""

    def compile(self, *arguments, **settings):
        """Compiles, and builds what Keras would build by a look at the first batch."""
        super().compile(*arguments, **settings)
        self.optimizer.build(self.trainable_variables)
        image, logits = keras.tree.map_structure(
            lambda tensor: jnp.zeros([side or 1 for side in tensor.shape]),
            (self.inputs[0], self.output),
        )
        wanted = keras.tree.flatten(logits)[0]
        self.compute_loss(image, wanted, logits)
        self.compute_metrics(image, wanted, logits)
        self.reset_metrics()

    def train_step(self, state, data):
        """One step, or those of a block; the measures are those after the last one."""
        block, *rest = data
        if not isinstance(block, Block):
            return super().train_step(state, data)

        def step(state, rows):
            shown, *rest = rows
            shown = images(Block(block.stock, *shown), self.inputs[0].shape[1:3])
            logs, state = super(InBlocks, self).train_step(state, (shown, *rest))
            return state, logs

        state, logs = jax.lax.scan(step, state, (block[1:], *rest))
        return jax.tree.map(lambda values: values[-1], logs), state


def training_class(cls: type[keras.Model]) -> type[keras.Model]:
    """A subclass of a class of models that is trained on batches and on `Block`s, see `Backend`."""
    return InBlocks if cls is keras.Model else type(cls.__name__, (InBlocks, cls), {})
