"""Records of evaluations as JSON: written whole, read strictly. No Keras, no TensorFlow."""

from pathlib import Path
from typing import Any, Literal, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.schema import parse, read_json
from train.runs.record import STRICT

EVALUATION = "evaluation.json"
MISTAKES, SUREST = 24, 12  # answers that a record shows
CONFUSIONS, OF_EACH = 10, 4  # and of the most frequent confusions


@with_config(STRICT)
class Interval(TypedDict):
    """A fraction of images, 0 to 1, and the 95 % interval of Wilson."""

    value: float
    low: float
    high: float


@with_config(STRICT)
class SubjectRecord(TypedDict):
    """What was evaluated."""

    name: str
    kind: Literal["run", "file", "network", "ensemble"]
    path: str  # as it was given
    format: str
    parameters: int | None  # trainable ones; of some files nobody can tell
    macs: int | None  # multiply-accumulates for one view of an image
    sha256: NotRequired[str]  # of the file, or of the weights
    head: NotRequired[str]  # what its outputs are: a key of `heads.HEADS`


@with_config(STRICT)
class ImagesRecord(TypedDict):
    """The images that it was scored on."""

    name: str
    split: str
    images: int
    sha256: str  # of the data set, see `Data.fingerprint`
    classes: list[str]


@with_config(STRICT)
class ClassRecord(TypedDict):
    """The scores of a class."""

    name: str
    support: int  # images
    precision: float
    recall: float
    f1: float
    low: float  # of the recall
    high: float


@with_config(STRICT)
class Bin(TypedDict):
    """Images of similar confidence."""

    low: float
    high: float
    count: int
    confidence: float  # mean
    accuracy: float


@with_config(STRICT)
class Calibration(TypedDict):
    """How far confidences are from accuracies, and the temperature that would mend it."""

    ece: float  # expected calibration error (Guo et al. 2017)
    bins: list[Bin]  # those that are not empty
    temperature: float | None
    ece_after: float | None
    fitted_on: int  # training images
    seen: NotRequired[bool]  # whether the network may have been trained on them


@with_config(STRICT)
class Coverage(TypedDict):
    """What comes of saying nothing below a confidence."""

    threshold: float
    coverage: float  # of the test images: those with an answer
    accuracy: float | None  # of these answers


@with_config(STRICT)
class ViewRecord(TypedDict):
    """The accuracy if several views of an image are averaged."""

    name: str
    top1: Interval
    macs: int | None


@with_config(STRICT)
class MemberRecord(TypedDict):
    """A member of an ensemble."""

    name: str
    weight: float  # in the average; all add up to 1
    top1: Interval  # alone
    marginal: float  # what the ensemble's accuracy would lose without it


@with_config(STRICT)
class Answer(TypedDict):
    """The prediction for one image."""

    index: int  # in the split
    label: int
    prediction: int
    confidence: float


@with_config(STRICT)
class EvaluationRecord(TypedDict):
    """`evaluation.json`: what a network does on images."""

    subject: SubjectRecord
    data: ImagesRecord
    command: str
    top1: Interval
    top5: NotRequired[Interval]  # only of more than five classes
    crossentropy: float
    per_class: list[ClassRecord]
    confusion: list[list[int]]  # rows: the true class
    calibration: Calibration
    coverage: list[Coverage]
    views: list[ViewRecord]
    members: list[MemberRecord]
    mistakes: list[Answer]  # the surest ones: of all, and of each of the most frequent confusions
    surest: list[Answer]  # right answers
    versions: dict[str, str]
    hardware: dict[str, Any]
    seconds: float


def read_evaluation(folder: Path) -> EvaluationRecord:
    """Reads `evaluation.json`.

    Raises:
        InputError: if it is missing, damaged, or no such record.
    """
    path = folder / EVALUATION
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise InputError(f"no {path}: run train.evaluate first.") from None
    parse(EvaluationRecord, content, str(path))
    return content
