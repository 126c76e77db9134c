"""The images that a run was trained and tested with, read again."""

from typing import Any

from keras_resnet.utils.errors import InputError
from train.data import sources
from train.data.dataset import Data
from train.settings.data import DataSettings


def recorded_settings(record: dict[str, Any], **given: Any) -> DataSettings:
    """Where the record of a run says that its data are from, and how it reads them.

    Args:
        record: Of the run.
        **given: Fields that are otherwise now; another data set is not where the run's was.
    """
    described = dict(record["data"])
    del described["sha256"]
    known = {"dataset": described.pop("name")} | record.get("source", {})
    if "dataset" in given:
        known["data_dir"] = ""
    return DataSettings(**(known | described | given))


def recorded_data(record: dict[str, Any], shape: tuple[int, int, int], **given: Any) -> Data:
    """Reads the data of a run.

    Args:
        record: Of the run.
        shape: Of the images that its network takes.
        **given: Fields of `DataSettings` where the data are elsewhere now.

    Raises:
        InputError: if they are out of reach, or others than those of the run.
    """
    data = sources.load(recorded_settings(record, **given), shape[0])
    if data.fingerprint != record["data"]["sha256"]:
        raise InputError(
            f"{data.name} is not the data of this run, as its SHA-256 differs: give those with "
            "--dataset=FOLDER or --data_dir."
        )
    return data
