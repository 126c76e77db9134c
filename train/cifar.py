"""Trains a network and exports it: `python -m train.cifar --model=resnet20 --recipe=fast`.

Writes a run folder with the model as `.keras`, weights, SavedModel and `.tflite`, all scored on
the same test images. From Python: `train.cifar.run(model="resnet20", recipe="fast")`.
"""

from typing import Any

from train import flags, workflow

COMMAND = workflow.define("train.cifar", __doc__)


def run(**settings: Any) -> dict[str, Any]:
    """Trains a network and exports it, as the command does.

    Args:
        **settings: The flags of the command, by name: `model="resnet20"`, `epochs=10`,
            `output_dir="folder"`...

    Returns:
        The record of the run, as in `run.json`: network, recipe, `last_epoch`, `test`...

    Raises:
        InputError: for impossible settings, or if the training fails.
    """
    return COMMAND.run(main, settings)


def main(values: flags.Values) -> dict[str, Any]:
    """Trains, exports and scores."""
    return workflow.train(values)


if __name__ == "__main__":
    COMMAND.start(main)
