"""A page about what is finished must not spoil it."""

from pathlib import Path
from typing import Any

from train.evaluation.report import write_report
from train.runs.files import PAGE
from train.runs.folder import claim_folder, reason


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
