"""What is said of a model to those who use its files. Standard library only."""

from dataclasses import dataclass, field

from keras_resnet.utils.framing import Framing


@dataclass(frozen=True)
class ModelCard:
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
    """

    name: str = "image classifier"
    description: str = "Gives the probability of each class for an RGB image."
    author: str = ""
    license: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    framing: Framing = field(default_factory=Framing)


DEFAULT_CARD = ModelCard()
