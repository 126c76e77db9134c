"""What watches a training: throughput, averaged weights."""

from time import perf_counter

import keras

from train.backend import backend


class Unawaited(keras.callbacks.CallbackList):
    """Callbacks that get the measures of a step as the framework gives them.

    Keras's own list makes floats of them, and so waits for the device at every step.
    """

    def on_train_batch_end(self, batch, logs=None):
        """Hands on what may still be computed."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        """Hands on what may still be computed."""
        for callback in self.callbacks:
            callback.on_test_batch_end(batch, logs)


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's, whose errors of writing are those of the system."""

    def set_model(self, model):
        """Writes the network."""
        with backend().explain_writing():
            super().set_model(model)

    def on_test_end(self, logs=None):
        """Writes the measures of a validation by steps."""
        with backend().explain_writing():
            super().on_test_end(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the measures of an epoch."""
        with backend().explain_writing():
            super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs=None):
        """Writes what is left."""
        with backend().explain_writing():
            super().on_train_end(logs)


class ThroughputLogger(keras.callbacks.Callback):
    """Adds to an epoch's measures its images per second, without its first batch, and the rate.

    Args:
        batch_size: Images in a step.
        steps: In an epoch, or what is left of it.
        block: Steps in a batch of `fit`.
    """

    def __init__(self, batch_size: int, steps: int, block: int = 1):
        super().__init__()
        self.batch_size, self.steps, self.block = batch_size, steps, block

    def on_epoch_begin(self, epoch, logs=None):
        """No step yet."""
        self.times: list[tuple[int, float]] = []

    def on_train_batch_end(self, batch, logs=None):
        """Starts the clock after the first one, which may compile, and stops it after the last."""
        last = batch + 1 == self.params["steps"]
        if last or not self.times:
            float(logs["loss"])  # waits for the device
            steps = self.steps if last else (batch + 1) * self.block
            self.times.append((steps, perf_counter()))

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
