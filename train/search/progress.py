"""One live line for a training; where output is a file, only what came of it."""

import os
import sys
from collections.abc import Callable
from time import monotonic

import keras

from train.trainer.checkpoint import ACCURACY

SECONDS = 1.0  # between two changes
CLEAR = "\r\033[K"


class ProgressLine(keras.callbacks.Callback):
    """Shows how far a training is, in a line that changes.

    Args:
        title: What is trained.
        best: The best of those before, in words.
        time_left: Says how much time is left, from its semicolon on.
    """

    def __init__(self, title: str, best: str, time_left: Callable[[], str]):
        super().__init__()
        self.title, self.best, self.time_left = title, best, time_left
        self.live = sys.stdout.isatty()
        self.printed, self.epoch = monotonic(), ""

    def on_train_begin(self, logs=None):
        """Says what is trained."""
        self._say("begins")

    def on_train_batch_end(self, batch, logs=None):
        """Now and then."""
        if monotonic() - self.printed > SECONDS:
            self._say(f"step {batch + 1}/{self.params['steps']}{self.epoch}")

    def on_epoch_end(self, epoch, logs=None):
        """With the accuracy."""
        self.epoch = f" of epoch {epoch + 2}, {logs[ACCURACY]:.2%} so far"

    def _say(self, what: str) -> None:
        self.printed = monotonic()
        if self.live:
            text = f"{what}, {self.best}{self.time_left()}; {self.title}"
            print(f"{CLEAR}{text[: os.get_terminal_size().columns - 1]}", end="", flush=True)

    def end(self, what: str) -> None:
        """Says what came of it, in a line that stays."""
        start = CLEAR if self.live else ""
        print(f"{start}{self.title}: {what}; {self.best}{self.time_left()}", flush=True)
