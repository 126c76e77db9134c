"""What a run folder holds. Names only: no Keras, no TensorFlow."""

from keras_resnet.export.files import FORMAT_FILES, FRAMING
from keras_resnet.utils.atomic import PARTIAL
from keras_resnet.utils.labels import LABELS
from keras_resnet.weights.run_folder import RECORD, WEIGHTS
from train.trainer.checkpoint import CHECKPOINTS, HISTORY

LOCK, CURVES, TENSORBOARD = ".lock", "curves.png", "tensorboard"
REPORT, PICTURE = "export.json", "export.png"  # of `train.export`
STAGING = f"{PARTIAL}{REPORT}"  # where an export is made, until it is whole
EVALUATIONS = "evaluation"  # of `train.evaluate`
ANALYSIS = "analysis"  # of `train.analyze`
PREVIEW = "preview.png"  # augmented images
PAGE = "report.html"  # for people, of everything
FILES = {
    *FORMAT_FILES.values(), RECORD, LABELS, FRAMING, HISTORY, CURVES, WEIGHTS, TENSORBOARD,
    CHECKPOINTS, LOCK, REPORT, PICTURE, EVALUATIONS, PREVIEW, ANALYSIS, PAGE,
}  # fmt: skip
SUMMED = (*FORMAT_FILES.values(), WEIGHTS, LABELS, FRAMING)  # whose SHA-256 is in the record


def is_ours(name: str) -> bool:
    """Whether a name in a folder is of a run, or of a file of one that was never finished."""
    return name.removeprefix(PARTIAL) in FILES
