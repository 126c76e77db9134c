"""Batches as NumPy arrays, or blocks of them, made in a thread beside the training."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import jax
import keras
import numpy as np

from train.backend.jax.blocks import Resident
from train.data.augment import augmenter, mixed_labels, one_hot
from train.data.dataset import Split
from train.data.draws import EpochPlan, epoch_plan, pool_index
from train.data.statistics import balanced_weights, fill_color
from train.settings.recipe import Recipe

AHEAD = 2  # batches that are made while one is trained with


def _own_rows(index: np.ndarray) -> np.ndarray:
    """Of the rows of a global batch, those that this process gives its devices."""
    return np.split(index, jax.process_count())[jax.process_index()]


def training_batches(
    split: Split,
    classes: int,
    recipe: Recipe,
    epoch: int = 0,
    step: int = 0,
    targets: np.ndarray | None = None,
    block: int = 1,
) -> Iterator[tuple]:
    """Batches of all epochs, from any step of any epoch on, see `Backend`."""
    fill, count, size = fill_color(split), len(split), recipe.batch_size
    shown: Callable = augmenter(split, recipe, fill)
    if block > 1:
        shown = Resident(split, recipe, fill).block
    weights = balanced_weights(split.labels, classes)

    def wanted(index: np.ndarray, plan: EpochPlan) -> np.ndarray:
        if targets is not None:
            return targets[int(plan.number) % len(targets)][index].astype(np.float32)
        return mixed_labels(split, recipe, classes, index, plan)

    def batch(index: np.ndarray, plan: EpochPlan) -> tuple:
        found = shown(index, plan), wanted(index.reshape(-1), plan).reshape(*index.shape, -1)
        return (*found, found[1] @ weights) if recipe.class_weight == "balanced" else found

    def jobs() -> Iterator[Callable[[], tuple]]:
        for number in range(epoch, recipe.epochs):
            plan = epoch_plan(recipe, count, number)
            steps = plan.order[: count // size * size].reshape(-1, size)
            for start in range(step if number == epoch else 0, len(steps), block):
                rows = steps[start : start + block] if block > 1 else _own_rows(steps[start])
                yield partial(batch, rows, plan)

    return _ahead(jobs())


def _ahead(jobs: Iterator[Callable]) -> Iterator:
    """Results in order, some made before they are asked for."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(job) for job in islice(jobs, AHEAD)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(job) for job in islice(jobs, 1)]


def pool_batches(split: Split, recipe: Recipe, number: int) -> keras.utils.PyDataset:
    """Every image once and in order, in one augmentation of the pool; without targets."""
    plan = epoch_plan(recipe, len(split), pool_index(recipe, number))
    augment = augmenter(split, recipe, fill_color(split))
    return _Batches(len(split), recipe.batch_size, lambda index: (augment(index, plan),))


def validation_batches(split: Split, classes: int, batch_size: int) -> keras.utils.PyDataset:
    """Every image once and in order, in batches of one size, see `Backend`."""
    count = len(split)
    padded = -(-count // batch_size) * batch_size

    def batch(index):
        index = _own_rows(index)
        weights = np.where(index < count, padded / count, 0).astype(np.float32)
        index = np.minimum(index, count - 1)
        return split.read(index), one_hot(split.labels[index], classes), weights

    return _Batches(padded, batch_size, batch)


class _Batches(keras.utils.PyDataset):
    """Batches by their number: the indices of images, and a function from these to a batch."""

    def __init__(self, count: int, size: int, batch: Callable):
        super().__init__()
        self.count, self.size, self.batch = count, size, batch

    def __len__(self) -> int:
        return -(-self.count // self.size)

    def __getitem__(self, number: int):
        start = number * self.size
        return self.batch(np.arange(start, min(start + self.size, self.count)))
