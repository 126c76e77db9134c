"""Exports a trained run for phones and servers, and measures every file.

`python -m train.export --run=saved_models/NAME --formats=float32,int8`; from Python
`train.export.run(run="saved_models/NAME", formats="float32,int8")`.
"""

from functools import partial
from pathlib import Path
from typing import Any

from keras_resnet.export.files import (
    CALIBRATED,
    FORMAT_FILES,
    OPTIONAL,
    QUANTIZED,
    QUANTIZER,
    QUANTIZERS,
)
from keras_resnet.utils.errors import InputError
from train import flags
from train.settings.data import FRAMING_FIELDS, DataSettings

ALL = [name for name in FORMAT_FILES if name != "keras"]
USUAL = [name for name in ALL if name not in OPTIONAL]
QAT_FORMAT = "int8"
COMMAND = flags.Command("train.export", __doc__)
COMMAND.share("run")
COMMAND.add_fields(DataSettings, without=FRAMING_FIELDS)
COMMAND.add(str, "formats", ",".join(USUAL), f"files to write, of: {', '.join(ALL)}")
COMMAND.add(int, "calibration_images", 500, "training images to calibrate with", low=1)
COMMAND.add(str, "calibration", None, "folder of other images to calibrate with", **flags.PATH)
COMMAND.add(
    str, "quantizer", QUANTIZER, f"what quantizes: {', '.join(QUANTIZERS)}", choices=QUANTIZERS
)
COMMAND.add(int, "qat_epochs", 0, "epochs of quantization-aware training before that", low=0)
COMMAND.add(float, "max_drop", 0.5, "most percentage points to lose", low=0, high=100)
COMMAND.add(str, "author", "", "for the metadata: who made the model", empty=True)
COMMAND.add(str, "license", "", "for the metadata: under which it may be used", empty=True)


def run(*, known: Any = None, **settings: Any) -> dict[str, Any]:
    """Exports a run, as the command does.

    Args:
        known: What the Keras model gives for the test images, `(n, classes)` probabilities, if that
            has been computed already.
        **settings: The flags of the command, by name.

    Returns:
        The report, as in `export.json`.

    Raises:
        InputError: for impossible settings, or if a file loses too much accuracy.
    """
    return COMMAND.run(partial(main, known=known), settings)


def main(values: flags.Values, known: Any = None) -> dict[str, Any]:
    """Exports, measures, reports, and fails if a file has lost too much."""
    from train.backend import backend

    if values.arguments or not values.run:
        raise InputError("say which run, and write flags as --name=value: --run=saved_models/NAME.")
    formats, folder = _formats(values), Path(values.run)
    backend()  # before anything else imports Keras, as it is quiet
    from keras_resnet.export.formats import BATCH
    from train.evaluation.attempt import try_report
    from train.measure import comparison
    from train.runs import folder as folders
    from train.runs import results
    from train.runs.environment import environment
    from train.runs.record import read_record
    from train.runs.recorded_data import recorded_data
    from train.runs.restore import restore

    if not results.can_export():
        raise InputError(
            "files are exported by Keras on TensorFlow, and KERAS_BACKEND is another one: give "
            "this command again with KERAS_BACKEND=tensorflow."
        )
    finished = restore(folder, values.author, values.license)
    shape = finished.network.input_shape
    data = recorded_data(finished.record, shape, **values.given(DataSettings))
    images = _calibration(values, data) if {*formats} & {*CALIBRATED} else None
    with folders.claim_folder(folder), folders.staging(folder) as staged:
        _write(values, staged, formats, finished, data, images)
        predict = partial(finished.model.predict, batch_size=BATCH, verbose=0)
        reference = known
        if known is None:
            reference = results.predict_finite("keras", predict, data.test)
        report = {
            "keras": results.scores(reference, reference, data.test),
            "formats": comparison.compare(staged, formats, reference, data.test),
            "calibration": None
            if images is None
            else {"from": values.calibration or data.name, "images": len(images)},
            "quantizer": values.quantizer,
            "qat_epochs": values.qat_epochs,
            "data": {"name": data.name, "sha256": data.fingerprint},
            **environment(),
        }
        _describe(staged, read_record(folder), report)  # to which others may have added
        folders.deliver(staged, folder)
    print(
        f"Keras: {report['keras']['accuracy']:.2%} of {len(reference)} test images of {data.name}"
    )
    print(comparison.table(report["formats"]))
    print(try_report(folder, data=data))
    comparison.check_drops(report["formats"], values.max_drop)
    return report


def _formats(values: flags.Values) -> list[str]:
    """The formats asked for, each once."""
    formats = flags.chosen(values.formats, ALL, "format")
    if values.qat_epochs and QAT_FORMAT not in formats:
        raise InputError(f"qat_epochs is for {QAT_FORMAT}: add it to --formats.")
    if values.quantizer != QUANTIZER and not {*formats} & {*QUANTIZED}:
        raise InputError(
            f"the quantizer {values.quantizer} writes {', '.join(QUANTIZED)}, and none of them is "
            "in --formats: add one, or leave it out."
        )
    calibration = values.as_flags("calibration", "calibration_images")
    if calibration and not {*formats} & {*CALIBRATED}:
        raise InputError(
            f"{calibration.strip()} is for {', '.join(CALIBRATED)}, and none of them is in "
            "--formats: add one, or leave it out."
        )
    return formats


def _write(values: flags.Values, folder: Path, formats: list[str], finished, data, images) -> None:
    """Writes the files; int8 of the fine-tuned network where that is asked for."""
    from keras_resnet.export.formats import save
    from train.backend import backend
    from train.compress import quantization_aware
    from train.runs.results import write_framing
    from train.utils.quiet import quiet

    model = finished.model
    groups = [(model, formats)]
    if values.qat_epochs:
        tuned = quantization_aware.finetune(
            model, data.train, images, finished.recipe, values.qat_epochs
        )
        others = [name for name in formats if name != QAT_FORMAT]
        groups = [(model, others), (tuned, [QAT_FORMAT])]
    for source, names in groups:
        with quiet(), backend().explain_writing():
            save(source, folder, names, finished.card, images, values.quantizer)
    write_framing(folder, model, finished.card)


def _describe(staged: Path, record: dict[str, Any], report: dict[str, Any]) -> None:
    """Writes what tells of the new files beside them: report, picture, and checksums."""
    from keras_resnet.export.files import FRAMING
    from keras_resnet.utils.files import sha256
    from keras_resnet.utils.schema import write_json
    from train.measure.comparison import plot_sizes
    from train.runs.files import REPORT
    from train.runs.record import write_record

    rows = report["formats"]
    sums = {row["file"]: row["sha256"] for row in rows.values()} | {
        FRAMING: sha256(staged / FRAMING)
    }
    write_json(staged / REPORT, report)
    plot_sizes(staged, rows, report["keras"]["accuracy"])
    write_record(staged, record | {"files": record["files"] | sums})


def _calibration(values: flags.Values, data):
    """Some training images, the same each time; or those of a folder."""
    from train.data.dataset import fixed_subset
    from train.data.listing import read_folder

    most = values.calibration_images
    if values.calibration is not None:
        return read_folder(Path(values.calibration), data.shape, most, data.settings)
    return data.train.read(fixed_subset(len(data.train), most))


if __name__ == "__main__":
    COMMAND.start(main)
