"""Checkpoints while training: after each epoch, after some time, and when asked to stop."""

from collections import deque
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Any

import keras
import numpy as np

from keras_resnet.utils.errors import InputError
from train.backend import backend
from train.trainer import checkpoint
from train.trainer.checkpoint import CHECKPOINTS, HISTORY, Arrays, Progress
from train.utils.stop_signals import Stopped
from train.utils.table import write_csv

BEST = "best/"
AHEAD = 2  # batches that `fit` hands over before it waits: the device always has a next one


class CheckpointCallback(keras.callbacks.Callback):
    """Writes a checkpoint at the end of each epoch, and within epochs after some time.

    Args:
        folder: Of the run.
        steps: In an epoch.
        block: In a batch of `fit`.
        seconds: After how many to save again.
        requests: Signals that asked to stop, see `stop_signals.stop_requests`.
        keep_best: Whether to keep the weights of the epoch of the best held-out accuracy.
        over: Says after an epoch whether the training has come to its end.

    Attributes:
        progress: How far the training has come.
        pending: The checkpoint from which it is to go on; `None` if it need not be put back.
        best: The weights that `keep_best` asks for, by names that begin with `BEST`.
    """

    def __init__(
        self,
        folder: Path,
        steps: int,
        block: int,
        seconds: float,
        requests: list[str],
        keep_best: bool,
        over: Callable[[Progress], bool],
    ):
        super().__init__()
        self.folder, self.steps, self.block = folder, steps, block
        self.seconds, self.requests, self.keep_best = seconds, requests, keep_best
        self.over = over
        self.losses: deque[tuple[int, Any]] = deque()  # of steps that may still be computed
        there = _newest(folder / CHECKPOINTS)
        self.progress: Progress = there[0] if there else Progress()
        arrays = there[1] if there else {}
        self.best: Arrays = {name: arrays.pop(name) for name in [*arrays] if name.startswith(BEST)}
        self.pending: Arrays | None = arrays or None
        self.saved = self.counted = monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        """Puts the checkpoint back. Only now: Keras has just reset the metrics."""
        self.offset = self.progress.step
        self._restore()

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the clock, the signals, and the loss of a batch before."""
        step = min(self.offset + (batch + 1) * self.block, self.steps)
        self.losses.append((step, logs["loss"]))
        if backend().processes() > 1:  # all agree on a stop at one step, which must be behind all
            self._check_losses(0)
        late = backend().leads() and monotonic() - self.saved >= self.seconds
        stop = self._stop(self.progress.epoch, step)
        saving = step < self.steps and (late or stop)  # else the end of the epoch saves
        self._check_losses(0 if saving else AHEAD)
        if saving:
            self._save(self.progress.epoch, step)

    def _check_losses(self, waiting: int) -> None:
        """Waits for all steps but the last few."""
        while len(self.losses) > waiting:
            step, loss = self.losses.popleft()
            if not isfinite(loss):
                raise self._failure(float(loss), step)

    def on_test_end(self, logs=None):
        """Remembers the weights as they were validated."""
        if self.keep_best:
            weights = self.model.get_weights()
            self.validated = {f"{BEST}{i:04}": array for i, array in enumerate(weights)}

    def on_epoch_end(self, epoch, logs=None):
        """Adds a row to the history, and saves."""
        self._check_losses(0)
        row = {"epoch": epoch + 1, **logs}
        optimizer = self.model.optimizer
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            row["loss_scale"] = optimizer.dynamic_scale.numpy().item()
            done = optimizer.inner_optimizer.iterations.numpy().item()
            row["skipped_steps"] = (epoch + 1) * self.steps - done
        self.progress.history.append(
            {name: value if isfinite(value) else None for name, value in row.items()}
        )
        if backend().leads():
            write_csv(self.folder / HISTORY, self.progress.history)
        if self.keep_best and self.progress.best_epoch == epoch + 1:
            self.best = self.validated
        self.model.reset_metrics()  # the next epoch begins without those of validation
        arrays = self._save(epoch + 1, 0)
        if self.offset:  # a `fit` of its own, at whose end Keras puts averages for weights
            self.pending = arrays
        if self.offset or self.over(self.progress):
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        """Puts back what Keras has just replaced by averages, or what no epoch was left for."""
        self._restore()

    def _restore(self) -> None:
        if self.pending is not None:
            backend().restore(self.model, self.pending)
            self.pending = None

    def _stop(self, epoch: int, step: int) -> str | None:
        """The signal for which all processes stop at this step."""
        return backend().agreed_stop(self.requests, epoch * self.steps + step)

    def _save(self, epoch: int, step: int) -> Arrays:
        arrays, now = backend().capture(self.model), monotonic()
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise self._failure(float("nan"), step or self.steps)
        self.progress.epoch, self.progress.step = epoch, step
        self.progress.seconds += now - self.counted
        self.counted = now
        steps = epoch * self.steps + step
        if backend().leads():
            checkpoint.write(self.folder / CHECKPOINTS, steps, self.progress, arrays | self.best)
        self.saved = monotonic()
        if reason := self._stop(epoch, step):
            raise Stopped(f"{reason}: stopped and saved after {self.progress}.")
        return arrays

    def _failure(self, loss: float, step: int) -> InputError:
        return InputError(
            f"the loss became {loss} at step {step} of epoch {self.progress.epoch + 1}: lower "
            f"--learning_rate. The last checkpoint before that is in {self.folder / CHECKPOINTS}."
        )


def _newest(folder: Path) -> tuple[Progress, Arrays] | None:
    """The last whole checkpoint: of several processes, only one sees the folder."""
    engine = backend()
    there = checkpoint.newest(folder) if engine.leads() else None
    if engine.processes() == 1:
        return there
    data = engine.from_leader(checkpoint.pack(*there) if there else b"")
    return checkpoint.unpack(data) if data else None
