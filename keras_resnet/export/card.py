"""What is said of a model to those who use its files. Standard library only."""

from dataclasses import dataclass, field

from keras_resnet.spec.preprocessing import PIXELS, check_normalization
from keras_resnet.utils.errors import check_type
from keras_resnet.utils.fields import Settings, option
from keras_resnet.utils.framing import Framing


@dataclass(frozen=True)
class ModelCard(Settings):
    """What is said of a model to those who use its files.

    Attributes:
        name: Of the model.
        description: In a sentence or two.
        author: Who made it.
        license: Under which others may use it.
        labels: Names of the classes, in the order of the probabilities; may be empty.
        mean: Of each channel, or one for all, 0 to 255: what the model expects to be subtracted.
        std: What the model expects them to be divided by then.
        framing: How images of other sizes get the model's: a SavedModel does it for files.

    Raises:
        InputError: if a field has an impossible value.
        TypeError: if `framing` is no `Framing`.
    """

    name: str = "image classifier"
    description: str = "Gives the probability of each class for an RGB image."
    author: str = ""
    license: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = option((0.0,), "what is subtracted from each channel", **PIXELS)
    std: tuple[float, ...] = option((1.0,), "what each channel is divided by then", **PIXELS)
    framing: Framing = field(default_factory=Framing)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_type("framing", self.framing, Framing, "a Framing")
        check_normalization(self.mean, self.std)


DEFAULT_CARD = ModelCard()
