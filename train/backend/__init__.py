"""What computes a training: the only part that knows the framework below Keras.

A backend is a module that has the functions of the protocol `Backend`; its key in `BACKENDS` is
the name that Keras gives it.
"""

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from keras_resnet.utils.errors import lookup
from train.utils.quiet import quiet

if TYPE_CHECKING:
    import keras

    from train.data.dataset import Split
    from train.settings.execution import Execution, Processes
    from train.settings.recipe import Recipe

Arrays = dict[str, np.ndarray]
BACKENDS = {"tensorflow": "train.backend.tensorflow", "jax": "train.backend.jax"}


class Backend(Protocol):
    """What training asks of a framework."""

    @property
    def FORMATS(self) -> tuple[str, ...]:
        """The exact formats that it can write, of `keras_resnet.export.files`."""

    def check_keras(self) -> None:
        """Raises an `InputError` if Keras is not set up as training needs it."""

    # Devices

    def choose(self, name: str) -> Any:
        """Decides, once for the process, what to train on: `auto`, `cpu`, `gpu:2` and so on.

        Raises:
            InputError: if there are no such devices, or others were chosen before.
        """

    def resolve(self, execution: "Execution") -> "Execution":
        """Settings with devices and precision as they are here, instead of `auto`."""

    def check_execution(self, execution: "Execution", steps: int) -> None:
        """Raises an `InputError` for settings that do not work here in epochs of so many steps."""

    def replicas(self) -> int:
        """The number of devices that a batch is divided among."""

    def summary(self) -> str:
        """The devices in words, as in `2 CPU`."""

    def hardware(self) -> dict[str, Any]:
        """For records: `gpus`, the names of accelerators, and `versions` of the framework."""

    # Processes

    def join(self, settings: "Processes") -> AbstractContextManager:
        """Trains with other processes inside, or alone; to be entered before any device starts.

        At the end each waits for all. If one of them fails or dies, all others end with a
        sentence and exit code 1, within a minute.

        Raises:
            InputError: if they do not find each other, or this backend has no others.
        """

    def processes(self) -> int:
        """How many train together."""

    def leads(self) -> bool:
        """Whether this is the one process that writes to the run folder."""

    def from_leader(self, data: bytes) -> bytes:
        """The bytes that the process that `leads` has; all call it."""

    def agreed_stop(self, requests: list[str], step: int) -> str | None:
        """Which signal to stop for, after a step that all have done: the same in each process.

        Args:
            requests: Signals that this process was sent.
            step: Finished steps since the start of the training.
        """

    # Models

    def scope(self) -> AbstractContextManager:
        """The context in which a model is built, compiled and fit for the devices."""

    def for_training(self, model: "keras.Model") -> "keras.Model":
        """The same network of layers that train faster; weights are in the same order."""

    def training_class(self, cls: type["keras.Model"]) -> type["keras.Model"]:
        """A class of models, or its subclass that is trained on blocks of `training_batches`."""

    def compile_settings(self, execution: "Execution | None" = None) -> dict[str, Any]:
        """How `Model.compile` is to make programs; of a model that is not trained without any."""

    def capture(self, model: "keras.Model") -> Arrays:
        """Every variable of a compiled model, its optimizer and its metrics, by name."""

    def restore(self, model: "keras.Model", arrays: Arrays) -> None:
        """Puts back what `capture` read; raises an `InputError` if it is of another model."""

    def gradients(
        self, model: "keras.Model", images: np.ndarray, labels: np.ndarray
    ) -> list[np.ndarray]:
        """The gradient of the mean cross-entropy by each trainable variable, as in training.

        The model is of images to logits and is not changed; labels are `(n,)` int. Batch
        normalization takes the statistics of these images, and dropout drops.
        """

    def explain_errors(self) -> AbstractContextManager:
        """Turns what users can mend into an `InputError`: too little memory, unreadable files."""

    def explain_writing(self) -> AbstractContextManager:
        """Turns what it raises where it writes files, and does no more, into an `OSError`."""

    # Batches, for `Model.fit`, `evaluate` and `predict`

    def block_steps(self, split: "Split", recipe: "Recipe", execution: "Execution") -> int:
        """How many steps `Model.fit` is best handed as one batch; 1 where Keras groups them."""

    def training_batches(
        self,
        split: "Split",
        classes: int,
        recipe: "Recipe",
        epoch: int = 0,
        step: int = 0,
        targets: np.ndarray | None = None,
        block: int = 1,
    ) -> Iterable:
        """Batches of all epochs, from any step of any epoch on.

        Which images a batch shows, and how, follows from the recipe, the epoch and the step alone.

        Args:
            split: The images and their labels.
            classes: The number of classes.
            recipe: How images are shown.
            epoch: The first one, from 0.
            step: The first one of it, from 0.
            targets: Soft ones in place of the labels, `(pool, n, classes)`: epoch e has
                `targets[e % pool]`, of images as they are mixed.
            block: As `block_steps` says: how many steps one batch holds; an epoch's last may hold
                fewer. Only a model of `training_class` can be trained on more than one.

        Returns:
            Batches of `(images uint8, targets float32)`, and with class weights what each image
            counts, float32: of a mixed one the mean of both. The few images by which an epoch
            exceeds whole batches are left out: other ones in each epoch.
        """

    def pool_batches(self, split: "Split", recipe: "Recipe", number: int) -> Iterable:
        """Every image once and in order, in one augmentation; without targets."""

    def validation_batches(self, split: "Split", classes: int, batch_size: int) -> Iterable:
        """Every image once and in order, in batches of one size, whatever the number of images.

        Returns:
            Batches of `(images uint8, one-hot labels float32, weights float32)`. The last one is
            filled up with images of weight 0; the others' weights make up for it in a mean over
            all batches.
        """

    def distribute(self, batches: Any) -> Any:
        """Divides global batches among the devices."""


def backend() -> Backend:
    """The backend of Keras in this process; imports Keras and the framework, quietly.

    Raises:
        InputError: if training does not run on it.
    """
    # TensorFlow 2.21 takes oneDNN's kernels only on CPUs with instructions made for networks;
    # without them, others train at half the speed (docs/performance.md). It decides at its import,
    # and Keras imports it before it tells its name.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with quiet():
        import keras

        name = keras.backend.backend()
        module = import_module(lookup(BACKENDS, name, "backend of Keras for training"))
    return cast(Backend, module)


if TYPE_CHECKING:  # the type checker compares each backend with the protocol
    from train.backend import jax, tensorflow

    _CHECKED: tuple[Backend, ...] = (tensorflow, jax)
