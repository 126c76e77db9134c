"""Several devices: here two logical CPUs, in a process of their own."""

CODE = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from dataclasses import replace
import numpy as np
from keras_resnet import InputError, cifar
from train import devices, engine
from train.data import Data, Split
from train.recipe import Recipe

labels = np.arange(211, dtype="int32") % 3
images = np.random.default_rng(0).integers(0, 100, (211, 8, 8, 3))
images[np.arange(211), :, :, labels] += 120
split = Split(images.astype("uint8"), labels)
data = Data("colours", ("red", "green", "blue"), split, split)
recipe = Recipe(epochs=5, batch_size=20, learning_rate=0.05, crop=1)
assert devices.strategy().num_replicas_in_sync == 2

training = engine.prepare(cifar(8), recipe, data, "float32")
assert len(training.held_out.labels) == 21  # one image more than a batch: one for two devices
result = engine.fit(training)
guesses = result.model.predict_on_batch(data.test.images).argmax(-1)
assert np.mean(guesses == labels) > 0.8, np.mean(guesses == labels)
assert result.last_epoch["val_accuracy"] > 0.8
try:
    engine.prepare(cifar(8), replace(recipe, batch_size=21), data, "float32")
except InputError as error:
    print(error)
"""


def test_two_devices_train_one_model_and_validate_any_number_of_images(python):
    said = python("-c", CODE).stdout.splitlines()
    assert said[-1] == (
        "batch_size 21 cannot be divided evenly among 2 devices: make it a multiple of 2."
    )
