"""Scores a run by six views of each test image: `python -m benchmarks.six_views RUN_FOLDER`.

As recipes for 94 % do (Jordan 2024, https://arxiv.org/abs/2404.00498, 3.5): the image and its
mirror image count for one half, their shifts by a pixel up and left, and down and right, for the
other. Prints what one view, the two, and the six say.
"""

from pathlib import Path

import numpy as np

from keras_resnet.errors import InputError
from train import flags, results, run, sources

FLAGS = flags.FLAGS
flags.share("data_dir")


def main(arguments: list[str]) -> None:
    """Scores the Keras model of a finished run on CIFAR-10."""
    if len(arguments) != 1:
        raise InputError(f"give one run folder; got {len(arguments)}.")
    folder = Path(arguments[0])
    model, data = results.restore(folder).model, sources.load("cifar10", FLAGS.data_dir, None, 32)
    if run.read_record(folder)["dataset"]["sha256"] != data.fingerprint():
        raise InputError(f"{folder} was not trained with CIFAR-10: give a run that was.")
    test = data.test

    def logits(images):
        """Up to a constant, of which the largest class does not depend."""
        return np.log(model.predict(images, batch_size=500, verbose=0) + 1e-9)

    def mirrored_too(images):
        alone = logits(images)
        return alone, (alone + logits(images[:, :, ::-1])) / 2

    one, two = mirrored_too(test.images)
    framed = np.pad(test.images, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    (_, upper), (_, lower) = mirrored_too(framed[:, :-2, :-2]), mirrored_too(framed[:, 2:, 2:])
    for views, said in ((1, one), (2, two), (6, two / 2 + (upper + lower) / 4)):
        right = (said.argmax(-1) == test.labels).mean()
        print(f"views {views}: {right:.2%} of {len(test.labels):,} test images")


if __name__ == "__main__":
    flags.start(main)
