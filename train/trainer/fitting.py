"""Training itself: `fit`, from wherever it was interrupted."""

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import keras
import numpy as np

from train.backend import backend
from train.settings.recipe import Recipe
from train.trainer.callbacks import EvaluateEMAWeights, ThroughputLogger, Unawaited
from train.trainer.checkpoint import CHECKPOINT_SECONDS, Progress
from train.trainer.checkpoint_callback import CheckpointCallback
from train.trainer.model import inference_model
from train.trainer.trainer import Training
from train.utils.stop_signals import stop_requests


class Result(NamedTuple):
    """What came out of a training."""

    model: keras.Model  # as users get it
    progress: Progress  # with the history
    delivered_epoch: int  # whose weights the model has, from 1

    @property
    def last_epoch(self) -> dict[str, float | None]:
        """Every measure of the last epoch by Keras's name; `None` if not finite."""
        return self.progress.history[-1]

    def outcome(self) -> dict[str, Any]:
        """What the record of a run says of it."""
        return {
            "last_epoch": self.last_epoch,
            "delivered_epoch": self.delivered_epoch,
            "seconds": self.progress.seconds,
            "images_per_second": self.images_per_second,
        }

    @property
    def images_per_second(self) -> float | None:
        """In steady state: the median epoch; `None` if each had one step only."""
        rates = [row.get("images_per_second") for row in self.progress.history]
        return median([rate for rate in rates if rate] or [0]) or None


def is_over(progress: Progress, recipe: Recipe) -> bool:
    """Whether no epoch is left, or too many have gone by without a better held-out accuracy."""
    waited = progress.epoch - progress.best_epoch if progress.epoch else 0
    return progress.epoch >= recipe.epochs or 0 < recipe.patience <= waited


def fit(
    training: Training,
    folder: Path,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: bool = True,
    targets: np.ndarray | None = None,
) -> Result:
    """Trains, from the last checkpoint on if there is one.

    Args:
        training: What to train.
        folder: Of the run: for checkpoints, and the history as CSV.
        checkpoint_seconds: How much work may be lost when the process is killed.
        callbacks: More of Keras's.
        verbose: Whether to show each epoch.
        targets: Soft targets in place of the labels, `(pool, n, classes)` float: epoch e has
            `targets[e % pool]`, and mixup does not mix them again.

    Raises:
        InputError: if the loss becomes infinite or NaN, if memory does not suffice, or if the
            checkpoint is of another training.
        Stopped: after SIGINT, SIGTERM or SIGHUP, when all is saved.
    """
    engine, network, recipe, model = backend(), training.network, training.recipe, training.model
    block = engine.block_steps(training.images, recipe, training.execution)
    held_out = None
    if len(training.held_out):
        held_out = engine.validation_batches(training.held_out, network.classes, recipe.batch_size)
        held_out = engine.distribute(held_out)
    with engine.explain_errors(), stop_requests() as requests:
        checkpoints = CheckpointCallback(
            folder,
            training.steps,
            block,
            checkpoint_seconds,
            requests,
            recipe.deliver == "best",
            lambda progress: is_over(progress, recipe),
        )
        progress = checkpoints.progress
        if checkpoints.pending and verbose:
            print(f"going on after {progress}.", flush=True)
        # The last to see a validation begin and end: others see the averages, too.
        averages = [EvaluateEMAWeights()] if recipe.ema_decay else []
        while True:
            # Keras begins at whole epochs: what is left of one is a `fit` of its own, which
            # `checkpoints` stops. One of no epochs still builds the variables of a checkpoint.
            epoch, step = min(progress.epoch, recipe.epochs - 1), progress.step
            images = engine.training_batches(
                training.images, network.classes, recipe, epoch, step, targets, block
            )
            until = progress.epoch if is_over(progress, recipe) else recipe.epochs
            steps = training.steps - step
            calls = -(-steps // block)
            throughput = ThroughputLogger(recipe.batch_size, steps, block)
            watching = Unawaited(
                [throughput, *callbacks, checkpoints, *averages],
                add_history=True,
                add_progbar=verbose,
                verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
                epochs=recipe.epochs,
                steps=calls,
                model=model,
            )
            with engine.scope():
                model.fit(
                    engine.distribute(images),
                    initial_epoch=progress.epoch,
                    epochs=until,
                    steps_per_epoch=calls,
                    shuffle=False,  # the pipeline has its own order
                    validation_data=held_out,
                    callbacks=watching,
                    verbose=0,
                )
            if is_over(progress, recipe):
                break
    model.optimizer.finalize_variable_values(model.trainable_variables)  # averages, if any
    delivered = progress.epoch
    if recipe.deliver == "best":
        model.set_weights([checkpoints.best[name] for name in sorted(checkpoints.best)])
        delivered = progress.best_epoch
    delivery = inference_model(network, recipe, training.normalization, model)
    return Result(delivery, progress, delivered)
