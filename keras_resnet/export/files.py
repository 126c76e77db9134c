"""What a model is exported as: names of formats, files and quantizers. Standard library only."""

from collections.abc import Sequence

from keras_resnet.utils.errors import InputError

FORMAT_FILES = {  # by format: the name in the folder of a run
    "keras": "model.keras",
    "saved_model": "saved_model",
    "float32": "model.tflite",
    "float16": "model_float16.tflite",
    "dynamic": "model_dynamic.tflite",
    "int8": "model_int8.tflite",
    "int16x8": "model_int16x8.tflite",
    "onnx": "model.onnx",
}
TFLITE = ("float32", "float16", "dynamic", "int8", "int16x8")  # of these, `.tflite` files
OPTIONAL = ("onnx",)  # what needs an extra of this package is written only if asked for
EXACT = ("keras", "saved_model", "float32")  # their outputs are equal up to rounding
LABELS = "labels.txt"  # names of the classes
FRAMING = "framing.json"  # how images of any size get the network's
OUTPUTS = {  # of a classifier
    "softmax": "the probability of each class, of which one is right",
    "sigmoid": "the probability of each class, whatever those of the others are",
    "logits": "a number for each class, the larger the more probable",
}
QUANTIZERS = {
    "converter": "TensorFlow's converter: bytes in, bytes out",
    "litert": "the package litert-quantizer: signed bytes in and out",
}


def lines(labels: Sequence[str]) -> str:
    """The text of a file of labels: one per line."""
    return "".join(f"{label}\n" for label in labels)


def read_lines(text: str) -> list[str]:
    """The labels in such a text."""
    return text.removesuffix("\n").split("\n")


def check_labels(labels: Sequence[str], classes: int) -> None:
    """Checks that there is a name of one line for each class, or none at all.

    Raises:
        InputError: if not.
    """
    names = [label for label in labels if label and "\n" not in label and "\r" not in label]
    if labels and not len(names) == len(labels) == classes:
        raise InputError(
            f"there are {len(labels)} labels, {len(names)} of them names of one line, for "
            f"{classes} classes: name each class once."
        )
