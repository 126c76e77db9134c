"""The average of networks as one model, in files that are scored like those of a run."""

import os
from pathlib import Path

from keras_resnet.export.card import ModelCard
from keras_resnet.export.files import FORMAT_FILES, FRAMING
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.framing import Framing
from train.data.dataset import Data
from train.evaluation.ensemble import Ensemble, average_model
from train.runs import folder as folders
from train.runs import results
from train.runs.files import LABELS, RECORD


def check(folder: Path, ensemble: Ensemble) -> None:
    """Refuses an average that cannot be saved, before its members are scored for minutes.

    Args:
        folder: That is to be written.
        ensemble: Whose members are all to be Keras models of images of one size.

    Raises:
        InputError: if they are not, files of a run or of a member would be lost, or the folder
            cannot be written to.
    """
    members = [Path(member.path).resolve().parent for member in ensemble.members]
    if os.path.exists(folder / RECORD) or folder.resolve() in members:
        raise InputError(
            f"{folder} holds a run or a member, whose files would be lost: choose another "
            "--save_ensemble."
        )
    files = (*FORMAT_FILES.values(), LABELS, FRAMING)
    there = [name for name in files if os.path.exists(folder / name)]
    if there:
        raise InputError(
            f"{folder} holds {there[0]}: choose another --save_ensemble, or remove the folder."
        )
    average_model(ensemble)
    with folders.claim_folder(folder):  # whether it can be written to
        pass


def save(folder: Path, ensemble: Ensemble, data: Data) -> None:
    """Saves the average as one model in the exact formats, and scores these.

    Args:
        folder: That is written.
        ensemble: That `check` has accepted.
        data: Whose test images are scored.

    Raises:
        InputError: if the files disagree.
    """
    names = ", ".join(member.name for member in ensemble.members)
    card = ModelCard(
        name=f"ensemble for {data.name}",
        description=f"Averages the probabilities of {names}.",
        labels=data.classes,
        framing=Framing(resize=data.settings.resize, crop_ratio=data.settings.crop_ratio),
    )
    with folders.claim_folder(folder):
        results.write_formats(folder, average_model(ensemble), card)
        found, _ = results.score(folder, data.test)
    results.show(found, len(data.test))
    results.check_agreement(found)
