"""Scores a run by six views of each test image: `python -m benchmarks.six_views RUN_FOLDER`.

As recipes for 94 % do (Jordan 2024, https://arxiv.org/abs/2404.00498, 3.5): the image and its
mirror image count for one half, their shifts by a pixel up and left, and down and right, for the
other. Prints what one view, the two, and the six say.
"""

from pathlib import Path

import numpy as np

from keras_resnet.utils.errors import InputError
from train import flags
from train.data import sources
from train.runs.record import read_record
from train.runs.restore import restore
from train.settings.data import DataSettings

COMMAND = flags.Command("benchmarks.six_views", __doc__)
COMMAND.add_fields(DataSettings, without=["dataset", "image_size"])


def main(values: flags.Values) -> None:
    """Scores the Keras model of a finished run on CIFAR-10."""
    if len(values.arguments) != 1:
        raise InputError(f"give one run folder; got {len(values.arguments)}.")
    folder = Path(values.arguments[0])
    model = restore(folder).model
    data = sources.load(DataSettings(**values.given(DataSettings)), 32)
    if read_record(folder)["data"]["sha256"] != data.fingerprint():
        raise InputError(f"{folder} was not trained with CIFAR-10: give a run that was.")
    test, test_images = data.test, data.test.read()

    def logits(images):
        """Up to a constant, of which the largest class does not depend."""
        return np.log(model.predict(images, batch_size=500, verbose=0) + 1e-9)

    def mirrored_too(images):
        alone = logits(images)
        return alone, (alone + logits(images[:, :, ::-1])) / 2

    one, two = mirrored_too(test_images)
    framed = np.pad(test_images, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    (_, upper), (_, lower) = mirrored_too(framed[:, :-2, :-2]), mirrored_too(framed[:, 2:, 2:])
    for views, probabilities in ((1, one), (2, two), (6, two / 2 + (upper + lower) / 4)):
        right = (probabilities.argmax(-1) == test.labels).mean()
        print(f"views {views}: {right:.2%} of {len(test.labels):,} test images")


if __name__ == "__main__":
    COMMAND.start(main)
