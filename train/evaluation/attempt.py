"""A page about what is finished must not spoil it."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet.utils.schema import write_json
from train.data.dataset import Data
from train.evaluation.evaluate import evaluate
from train.evaluation.opening import open_subject
from train.evaluation.record import EVALUATION
from train.evaluation.report import write_report
from train.runs.files import EVALUATIONS, PAGE
from train.runs.folder import claim_folder, reason
from train.utils.quiet import quiet
from train.utils.stop_signals import Stopped


def try_evaluation(folder: Path, data: Data, known: np.ndarray) -> str:
    """Evaluates a run that has just been trained, and writes its page; no error of it goes on.

    Args:
        folder: Of the run.
        data: That it was trained on.
        known: What its model gives for the test images, `(n, classes)` probabilities.

    Returns:
        In a sentence, where the page is, or why there is none.
    """
    command = f"python -m train.evaluate {shlex.quote(str(folder))}"
    try:
        with claim_folder(folder):
            place = folder / EVALUATIONS
            place.mkdir(exist_ok=True)
            with quiet():
                subject = open_subject(str(folder))
            record = evaluate(subject, data, place, command=command, known=known)
            write_json(place / EVALUATION, record)
    except Stopped as stop:  # the training has ended: its command would not go on from here
        print(f"{stop} {command} goes on from there.")
    except Exception as error:  # as below
        print(f"There is no evaluation ({reason(error).rstrip('.')}).")
    return try_report(folder, data=data)


def try_report(folder: Path, **material: Any) -> str:
    """Writes the page of a finished run, export, search or evaluation; no error of it goes on.

    Args:
        folder: Where it goes; it is claimed meanwhile.
        **material: See `write_report`.

    Returns:
        In a sentence, where it is, or why there is none.
    """
    try:
        with claim_folder(folder):
            return f"Report: {write_report(folder, **material)}"
    except Exception as error:  # whatever it is, the results are on the disk and stay valid
        why = reason(error).rstrip(".")
        return f"There is no {folder / PAGE} ({why}); all else is finished."
