"""LeNet-5 as data."""

from dataclasses import dataclass

from keras_resnet.spec.comparison.network import Network
from keras_resnet.spec.config import classes_field, image_field
from keras_resnet.utils.fields import option

FORMS = {
    "paper": "trainable subsampling, 1.7159 tanh(2/3 x), a table of connections, fixed outputs",
    "relu": "ReLU, max pooling, all connections, a dense layer at the end",
}


@dataclass(frozen=True)
class LeNetSpec(Network):
    """LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition")."""

    form: str = option("paper", "the paper's form, or a modern one", choices=FORMS)
    input_shape: tuple[int, int, int] = image_field(32, 1)
    classes: int = classes_field(10)

    preprocessing = "tf"  # -1 to 1, of any number of channels; the paper's is about -0.1 to 1.175

    @property
    def smallest(self) -> int:
        """The side at which C5 sees one place only."""
        return 32
