"""Which images to train with. Standard library only."""

from dataclasses import dataclass

from keras_resnet.spec.config import MOST_SIDE
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import option, path
from keras_resnet.utils.framing import Framing

DEFAULT = "cifar10"


@dataclass(frozen=True)
class DataSettings(Framing):
    """A data set, and how its images are read.

    Raises:
        InputError: if a field is out of its range, or `crop_ratio` is given and nothing is cropped.
    """

    dataset: str = option(
        DEFAULT, "TFDS name, folder ROOT/{train,val}/CLASS/*.jpg or ROOT/CLASS/*.jpg, or digits",
        text=path,
    )  # fmt: skip
    data_dir: str = option("", "folder of prepared TFDS data, read offline", text=path)
    image_size: int = option(
        0, "side that images are resized to; 0 for the data set's own or else the network's",
        low=0, high=MOST_SIDE,
    )  # fmt: skip
    skip_unreadable: bool = option(
        False, "decode all files of a folder before training, and leave out those that are damaged"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.crop_ratio < 1 and self.resize != "crop":
            raise InputError(
                f"crop_ratio {self.crop_ratio:g} is for crops, and {self.resize} shows all of an "
                "image: give --resize=crop or --crop_ratio=1."
            )


FRAMING_FIELDS = ("image_size", "resize", "crop_ratio")  # what is seen of an image

# What `train.finetune` does with photographs. Networks trained at 224 pixels say more of ones a
# little larger, whose objects look as large as in training (Touvron et al. 2019, FixRes):
# docs/finetune.md has figures. All of each is seen.
FINETUNE_DATA = DataSettings(resize="pad", image_size=288)
