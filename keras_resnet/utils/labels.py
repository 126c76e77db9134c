"""Names of classes, and the file of them: a line for each. Standard library only."""

from collections.abc import Sequence

from keras_resnet.utils.errors import InputError

LABELS = "labels.txt"


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
            f"{classes} classes: give one name for each class."
        )
