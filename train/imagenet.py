"""Trains a network on photographs: `python -m train.imagenet --dataset=FOLDER --image_size=128`.

The folder is ImageNet's, or any other `ROOT/{train,val}/CLASS/*.JPEG` or `ROOT/CLASS/*.jpg`; TFDS
data sets of photographs work, too. Everything else is as in `train.cifar`, but for the defaults:
ResNet-50, and the recipe imagenet_fast.
"""

from typing import Any

from keras_resnet.utils.errors import InputError
from train import flags, workflow

COMMAND = workflow.define("train.imagenet", __doc__)


def run(**settings: Any) -> dict[str, Any]:
    """Trains a network on photographs and exports it, as the command does.

    Args:
        **settings: The flags of the command, by name: `dataset="photos"`, `image_size=128`...

    Returns:
        The record of the run, as in `run.json`.

    Raises:
        InputError: for impossible settings, or if the training fails.
    """
    return COMMAND.run(main, settings)


def main(values: flags.Values) -> dict[str, Any]:
    """Trains, exports and scores."""
    if not values.dataset:
        raise InputError(
            "say which photographs: --dataset=FOLDER, or the name of a TFDS data set, such as "
            "imagenet2012."
        )
    return workflow.train(values, model="resnet50", recipe="imagenet_fast")


if __name__ == "__main__":
    COMMAND.start(main)
