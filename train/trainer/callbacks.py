"""What watches a training: throughput, averaged weights."""

from time import perf_counter

import keras


class ThroughputLogger(keras.callbacks.Callback):
    """Adds to an epoch's measures its images per second, without its first step, and the rate."""

    def __init__(self, batch_size: int):
        super().__init__()
        self.batch_size = batch_size

    def on_epoch_begin(self, epoch, logs=None):
        """No step yet."""
        self.times: list[tuple[int, float]] = []

    def on_train_batch_end(self, batch, logs=None):
        """Starts the clock after the first step, which may compile."""
        self.times[1:] = [(batch, perf_counter())]

    def on_epoch_end(self, epoch, logs=None):
        """Measures."""
        (first, begin), (last, end) = self.times[0], self.times[-1]
        if last > first:
            logs["images_per_second"] = (last - first) * self.batch_size / (end - begin)
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class EvaluateEMAWeights(keras.callbacks.Callback):
    """Validates the averaged weights: what is delivered in the end.

    Keras's SwapEMAWeights adds and subtracts, which does not give back the same bits.
    """

    def on_test_begin(self, logs=None):
        """Puts the averages in the place of the weights."""
        self.weights = [variable.numpy() for variable in self.model.trainable_variables]
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        for variable in self.model.trainable_variables:
            # On JAX it now shares the memory of the average, which evaluation would give away.
            variable.assign(variable.numpy())

    def on_test_end(self, logs=None):
        """Puts the weights back."""
        for variable, value in zip(self.model.trainable_variables, self.weights, strict=True):
            variable.assign(value)
