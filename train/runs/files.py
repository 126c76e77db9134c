"""What a run folder holds. Names only: no Keras, no TensorFlow."""

from keras_resnet.export.files import FORMAT_FILES, LABELS
from train.trainer.checkpoint import CHECKPOINTS, HISTORY

RECORD, LOCK = "run.json", ".lock"
WEIGHTS, CURVES, TENSORBOARD = "model.weights.h5", "curves.png", "tensorboard"
REPORT, PICTURE = "export.json", "export.png"  # of `train.export`
PAGE = "report.html"  # for people, of everything
FILES = {
    *FORMAT_FILES.values(), RECORD, LABELS, HISTORY, CURVES, WEIGHTS, TENSORBOARD, CHECKPOINTS,
    LOCK, REPORT, PICTURE, PAGE,
}  # fmt: skip
