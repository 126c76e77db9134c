"""The table of analyses, and what they are told. No Keras, no TensorFlow."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import Settings, option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from train.analysis.subject import Sample, Subject

ALL = "all"  # stands for every row of `ANALYSES`


@dataclass(frozen=True)
class AnalysisSettings(Settings):
    """What all analyses share; each takes what it needs."""

    images: int = option(0, "images to look at; 0 for as many as each analysis needs", low=0)
    grid: int = option(13, "points along each side of the loss surface", low=3, high=201)
    draws: int = option(3, "random draws of units to delete or to swap", low=1, high=1000)
    seed: int = option(0, "of initial weights, directions, deleted and swapped units", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grid % 2 == 0:
            raise InputError(
                f"grid must be odd, so that the network itself is a point; got {self.grid}."
            )


class Analysis(NamedTuple):
    """A row of the table."""

    title: str  # of the picture
    source: str  # where the picture was first shown
    split: str  # of the data, "train" or "test": nothing is chosen, so test images may be used
    images: int  # enough for the picture, and few enough for about two minutes on a CIFAR network
    module: str  # a `Method`


class Method(Protocol):
    """The functions of the module of an analysis; `Any` is its own result, a `NamedTuple`."""

    def passes(self, subject: "Subject", settings: AnalysisSettings) -> float:
        """How often an image goes through the network; a gradient counts as 3 times.

        Raises:
            NotApplicable: if the analysis means nothing for this network.
        """

    def measure(self, subject: "Subject", sample: "Sample", settings: AnalysisSettings) -> Any:
        """Looks at a trained network, which is not changed."""

    def rows(self, result: Any) -> list[dict[str, Any]]:
        """The result as a table."""

    def draw(self, found: "Sequence[tuple[Subject, Any]]") -> "Figure":
        """The picture of all networks."""


ANALYSES = {
    "responses": Analysis(
        "Standard deviations of layer responses",
        "He et al. 2015, Deep Residual Learning, Fig. 7",
        "test", 500, "train.analysis.responses",
    ),
    "gradients": Analysis(
        "Gradient norms by layer",
        "He et al. 2016, Identity Mappings, Eq. 5; Yang et al. 2019, Mean Field Theory of BN",
        "train", 512, "train.analysis.gradients",
    ),
    "lesions": Analysis(
        "Error after deleting or swapping blocks of a trained network",
        "Veit et al. 2016, Residual Networks Behave Like Ensembles, Figs. 3 and 5",
        "test", 500, "train.analysis.lesions",
    ),
    "surface": Analysis(
        "Training loss around a trained network, along two random directions",
        "Li et al. 2018, Visualizing the Loss Landscape of Neural Nets, Figs. 5 and 6",
        "train", 200, "train.analysis.surface",
    ),
    "initialization": Analysis(
        "He's against Xavier's initialization, with and without batch normalization",
        "He et al. 2015, Delving Deep into Rectifiers, Sec. 2.2",
        "train", 128, "train.analysis.initialization",
    ),
}  # fmt: skip


def method(name: str) -> Method:
    """The module of an analysis; imports Keras."""
    return import_module(ANALYSES[name].module)
