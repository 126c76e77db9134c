"""Classifies images with a trained run.

`python -m train.predict --run=saved_models/NAME IMAGE...`
"""

from pathlib import Path
from typing import Any

from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import path
from train import flags

COMMAND = flags.Command("train.predict", __doc__)
COMMAND.share("run")
COMMAND.add(str, "format", "keras", f"file to use: {', '.join(FORMAT_FILES)}", choices=FORMAT_FILES)
COMMAND.add(int, "top", 3, "how many classes to print", low=1)


def run(**settings: Any) -> dict[str, dict[str, float]]:
    """Classifies images, as the command does.

    Args:
        **settings: The flags of the command, by name; `arguments` are the paths of the images.

    Returns:
        By path of an image, the most probable classes with their probabilities.

    Raises:
        InputError: if the run or an image cannot be read.
    """
    return COMMAND.run(main, settings)


def main(values: flags.Values) -> dict[str, dict[str, float]]:
    """Prints for each image the most probable classes."""
    from train.backend import backend

    backend()  # before anything else imports Keras, as it is quiet
    import numpy as np

    from keras_resnet import families
    from keras_resnet.export.formats import BATCH, load
    from train.data.images import read_image
    from train.runs.record import intact, read_classes, read_finished
    from train.runs.recorded_data import recorded_settings
    from train.runs.results import check_finite
    from train.utils.quiet import quiet

    if not values.run or not values.arguments:
        raise InputError("say which run and which images: --run=saved_models/NAME IMAGE...")
    folder = Path(values.run)
    record = read_finished(folder)
    classes = read_classes(folder, record)
    shape = families.from_json(record["network"]).input_shape
    intact(folder, record, FORMAT_FILES[values.format])
    paths = [path("image", argument) for argument in values.arguments]
    framing = recorded_settings(record)
    with quiet():
        network = load(folder, values.format)
    found = {}
    for start in range(0, len(paths), BATCH):  # as many at once as memory has to hold
        some = paths[start : start + BATCH]
        images = np.stack([read_image(each, shape, framing) for each in some])
        with quiet():
            probabilities = network(images)
        check_finite(values.format, probabilities)
        for image, row in zip(some, probabilities, strict=True):
            best = np.argsort(-row)[: values.top]
            print(image, *(f"{classes[i]} {row[i]:.1%}" for i in best), sep="  ")
            found[image] = {classes[i]: float(row[i]) for i in best}
    return found


if __name__ == "__main__":
    COMMAND.start(main)
