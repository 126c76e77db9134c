"""How to train: the frozen `Recipe`. Standard library only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import Settings, option, paths

SCHEDULES = {  # the functions are in `schedules.py`
    "one_cycle": "linear warm-up to the peak, then half a cosine down to zero",
    "step": "divided by 10 after 1/2 and again after 3/4 of the training",
    "step_thirds": "divided by 10 after 1/3 and again after 2/3 of the training",
}
OPTIMIZERS = {  # the functions are in `optimizers.py`
    "sgd": "stochastic gradient descent with momentum",
    "muon": "orthogonalized momentum for convolutions, SGD for all other variables",
}
CROPS = {  # the functions are in `train/data/crops.py` and `augment.py`
    "pad": "padded by crop_padding, then cropped at random (He et al. 2015, 4.2)",
    "scale": "short side from min_scale to max_scale, then cropped at random (He et al. 2015, 3.4)",
    "area": "a random area from min_area on and aspect to max_aspect (Szegedy et al. 2015, 6)",
}
CROP_FIELDS = {  # what only one of them reads
    "crop_padding": "pad",
    "border": "pad",
    "min_scale": "scale",
    "max_scale": "scale",
    "min_area": "area",
    "max_aspect": "area",
}
BORDERS = {  # the functions are in `train/data/augment.py`
    "mean": "the mean color, which is zero once normalized (He et al. 2015, 4.2)",
    "reflect": "the image mirrored at its edge (Jordan 2024)",
}
FLIPS = {
    "none": "no image is mirrored",
    "random": "each image is mirrored with probability 1/2",
    "alternating": "half of the images in one epoch, the other half in the next (Jordan 2024)",
}
DELIVERIES = {
    "last": "the weights after the last epoch",
    "best": "those of the epoch with the best held-out accuracy; of several the last",
}
CLASS_WEIGHTS = {
    "none": "every image counts alike",
    "balanced": "every class counts alike: its images count the more, the fewer they are",
}


def check_crop_fields(names: Iterable[str], crops: Sequence[str]) -> None:
    """Checks that one of some crops reads each of the fields that a user gave.

    Raises:
        InputError: if none does.
    """
    for name in names:
        crop = CROP_FIELDS.get(name, crops[0])
        if crop not in crops:
            raise InputError(
                f"{name} is for the crop {crop}, and this is {' or '.join(crops)}: leave it out, "
                f"or give --crop={crop}."
            )


@dataclass(frozen=True)
class Recipe(Settings):
    """Everything that decides a training, except the network and the data.

    A field is a flag of `train.cifar` and a JSON key of `run.json`.

    Raises:
        InputError: if a field is out of its range, or some do not go together (a `ValueError`).
    """

    epochs: int = option(10, "passes over the training images", low=1)
    batch_size: int = option(128, "images in a step, over all devices", low=1)
    optimizer: str = option("sgd", "how gradients become steps", choices=OPTIMIZERS)
    learning_rate: float = option(0.1, "peak learning rate", low=0)
    momentum: float = option(0.9, "momentum", low=0, high=0.999)
    nesterov: bool = option(False, "Nesterov momentum")
    weight_decay: float = option(1e-4, "L2: this times half the sum of squared kernels", low=0)
    schedule: str = option("step", "learning rate over time", choices=SCHEDULES)
    warmup: float = option(
        0.0, "fraction of training: with a rising rate, or a tenth of it in step", low=0, high=0.9
    )
    ema_decay: float = option(
        0.0, "decay of the exponential moving average of weights; 0 for none", low=0, high=0.99999
    )
    label_smoothing: float = option(0.0, "probability spread over all classes", low=0, high=1)
    subtract_mean: bool = option(
        True, "subtract the mean color from images; without it, exported files are a little faster"
    )
    crop: str = option("pad", "which part of an image is seen", choices=CROPS)
    crop_padding: int = option(4, "crop pad: pixels of padding on each side", low=0, high=64)
    border: str = option("mean", "crop pad: what surrounds an image", choices=BORDERS)
    min_scale: float = option(
        256 / 224, "crop scale: least short side of an image, in sides of the crop", low=1, high=8
    )
    max_scale: float = option(480 / 224, "crop scale: the largest short side", low=1, high=8)
    min_area: float = option(0.08, "crop area: least fraction of an image", low=0.01, high=1)
    max_aspect: float = option(
        4 / 3, "crop area: most that a part is longer than high, or higher than long", low=1, high=4
    )
    first_size: float = option(
        1.0, "crops scale, area: side of training images in the first epoch, in those of the data",
        low=0.25, high=1,
    )  # fmt: skip
    last_size: float = option(
        1.0, "the same at the end: it grows within 4/5 of the training",
        low=0.25, high=1,
    )  # fmt: skip
    flip: str = option("random", "mirror images, never where that is another class", choices=FLIPS)
    mixup: float = option(
        0.0, "mixup (Zhang et al. 2017): the share of another image is uniform from 0 to this",
        low=0, high=0.5,
    )  # fmt: skip
    cutmix: float = option(
        0.0, "CutMix (Yun et al. 2019): probability that an image gets a box of another one",
        low=0, high=1,
    )  # fmt: skip
    color_jitter: float = option(
        0.0, "brightness, contrast, saturation change by up to this (fb.resnet.torch: 0.4)",
        low=0, high=1,
    )  # fmt: skip
    lighting: float = option(
        0.0, "std of the PCA lighting noise (Krizhevsky et al. 2012, 4.1: 0.1)", low=0, high=1
    )
    random_erasing: float = option(
        0.0, "probability that a part is erased (Zhong et al. 2020: 0.5)", low=0, high=1
    )
    cutout: int = option(
        0, "side of a square hole in each image, in pixels (DeVries and Taylor 2017: 16)", low=0
    )
    augmentation_pool: int = option(
        0, "augmentations per image, used cyclically; 0 for new ones in each epoch", low=0
    )
    whitened_stem: bool = option(
        False, "the first convolution whitens patches, and does not learn (Jordan 2024)"
    )
    class_weight: str = option(
        "none", "what an image counts in loss and training accuracy", choices=CLASS_WEIGHTS
    )
    frozen_stages: int = option(
        0, "stages at the beginning that keep their weights, the stem being the first", low=0
    )
    freeze_batchnorm: bool = option(
        False, "batch normalization keeps statistics, scales and shifts (FrozenBN of Detectron)"
    )
    stage_decay: float = option(
        1.0, "rate of a stage as a fraction of that of the next; the head has all of it", low=0,
        high=1,
    )  # fmt: skip
    teacher: str = option(
        "", "run folders of the teachers of knowledge distillation; empty for none",
        text=paths, empty=True,
    )  # fmt: skip
    temperature: float = option(
        2.0, "softens the teachers' probabilities (Hinton et al. 2015)", low=0.01, high=100
    )
    label_share: float = option(
        0.0, "of the labels in a student's targets; the rest is its teachers'", low=0, high=1
    )
    validation_fraction: float = option(
        0.1, "training images held out, unless a folder has its own for that", low=0, high=0.9
    )
    patience: int = option(
        0, "stop after so many epochs without a better held-out accuracy; 0 for never", low=0
    )
    deliver: str = option("last", "the epoch whose weights are delivered", choices=DELIVERIES)
    half_kernels: bool = option(
        False,
        "kernels are rounded to bfloat16 at the end, so that their file is 0.4 times as large",
    )
    seed: int = option(0, "seed of weights, order and augmentation", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_scale > self.max_scale:
            raise InputError(
                f"min_scale {self.min_scale:g} is more than max_scale {self.max_scale:g}: lower it."
            )
        if self.resizes and (self.crop == "pad" or self.augmentation_pool):
            raise InputError(
                f"first_size {self.first_size:g} and last_size {self.last_size:g} are for crops of "
                "another scale or area in each epoch: give --crop=area and no --augmentation_pool."
            )
        if self.optimizer == "muon" and not self.momentum:
            raise InputError("the optimizer muon orthogonalizes momentum, and it is 0: raise it.")
        if self.nesterov and not self.momentum:
            raise InputError("nesterov looks ahead along the momentum, and it is 0: raise it.")
        if self.stage_decay != 1 and self.optimizer != "sgd":
            raise InputError(
                f"stage_decay {self.stage_decay:g} is for the optimizer sgd, and this is "
                f"{self.optimizer}: make it 1."
            )
        if self.teacher and self.class_weight != "none":
            raise InputError(
                f"class_weight {self.class_weight!r} is for labels, and a student learns its "
                "teachers' probabilities: make it none."
            )
        if self.teacher and not self.augmentation_pool:
            raise InputError(
                "a teacher predicts each augmentation of an image once, so say how many there are: "
                "--augmentation_pool=12, say."
            )
        if self.teacher and self.label_smoothing:
            raise InputError(
                f"label_smoothing {self.label_smoothing:g} is for labels, and a teacher's "
                "probabilities are soft already: make it 0."
            )

    def changed(self, changes: dict[str, Any]) -> "Recipe":
        """The recipe with other values for some fields, as a user asked for them.

        Raises:
            InputError: if it reads one of them not at all, or a value is impossible.
        """
        recipe = replace(self, **changes)
        check_crop_fields(changes, [recipe.crop])
        return recipe

    @property
    def target_temperature(self) -> float:
        """Of a student's targets: the mean of the teachers' and of the labels', which is 1."""
        return self.label_share + (1 - self.label_share) * self.temperature

    @property
    def resizes(self) -> bool:
        """Whether training images are smaller than those of the data."""
        return (self.first_size, self.last_size) != (1, 1)

    @property
    def chooses_epochs(self) -> bool:
        """Whether held-out images decide which epoch is delivered, or is the last."""
        return self.deliver == "best" or self.patience > 0
