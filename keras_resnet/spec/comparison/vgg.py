"""VGG as data."""

from dataclasses import dataclass

from keras_resnet.spec.comparison.chain import ChainConv, check_weights
from keras_resnet.spec.comparison.network import Network, counts
from keras_resnet.spec.config import MOST_STAGES, classes_field, image_field
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import option


@dataclass(frozen=True)
class VGGSpec(Network):
    """VGG (Simonyan and Zisserman 2015, "Very deep convolutional networks ...", table 1)."""

    blocks: tuple[int, ...] = option(
        (2, 2, 3, 3, 3), "convolutions before each pooling", low=1, high=100
    )
    widths: tuple[int, ...] = counts((64, 128, 256, 512, 512), "their channels")
    batch_norm: bool = option(False, "batch normalization after each convolution")
    hidden: tuple[int, ...] = counts((4096, 4096), "units of each dense layer before the last")
    dropout: float = option(0.5, "dropout rate after each of these", low=0, high=0.95)
    input_shape: tuple[int, int, int] = image_field(224)
    classes: int = classes_field(1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.blocks) == len(self.widths) <= MOST_STAGES:
            raise InputError(
                f"blocks {self.blocks} and widths {self.widths} must have one entry for each of "
                f"at most {MOST_STAGES} stages."
            )
        check_weights(self)

    def convolutions(self) -> list[ChainConv]:
        """The convolutions in order, named as in `keras.applications`."""
        return [
            ChainConv(f"block{block}_conv{index}", width, 3, pool=2 * (index == count))
            for block, (count, width) in enumerate(zip(self.blocks, self.widths, strict=True), 1)
            for index in range(1, count + 1)
        ]

    @property
    def preprocessing(self) -> str:
        """That of keras.applications, or torchvision's with batch normalization.

        Only the form for CIFAR-10 has one dense layer.
        """
        if not self.hidden:
            return "cifar10"
        return "torch" if self.batch_norm else "caffe"

    @property
    def smallest(self) -> int:
        """Each pooling halves the image."""
        return 2 ** len(self.blocks)
