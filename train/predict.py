"""Classifies images with a trained run.

`python -m train.predict --run=saved_models/NAME IMAGE...`
"""

from pathlib import Path

import numpy as np

from keras_resnet.errors import InputError
from keras_resnet.formats import FORMATS, load
from train import flags, run
from train.quiet import quiet
from train.sources import read_image

FLAGS = flags.FLAGS
flags.share("run")
flags.DEFINE_string("format", "keras", f"file to use: {', '.join(FORMATS)}.")
flags.DEFINE_integer("top", 3, "how many classes to print.", lower_bound=1)


def main(arguments: list[str]) -> None:
    """Prints for each image the most probable classes."""
    if not FLAGS.run or not arguments:
        raise InputError("say which run and which images: --run=saved_models/NAME IMAGE...")
    folder = Path(FLAGS.run)
    shape = run.read_record(folder)["spec"]["input_shape"]
    classes = run.read_classes(folder)
    images = np.stack([read_image(path, shape) for path in arguments])
    with quiet():
        probabilities = load(folder, FLAGS.format)(images)
    for path, row in zip(arguments, probabilities, strict=True):
        best = np.argsort(-row)[: FLAGS.top]
        print(path, *(f"{classes[i]} {row[i]:.1%}" for i in best), sep="  ")


if __name__ == "__main__":
    flags.start(main)
