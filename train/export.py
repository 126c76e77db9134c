"""Exports a trained run for phones and servers, and measures every file.

`python -m train.export --run=saved_models/NAME --formats=float32,int8`
"""

from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet.errors import InputError, lookup
from keras_resnet.files import remove
from keras_resnet.formats import BATCH, save
from keras_resnet.tflite import CONVERSIONS, QUANTIZERS
from train import comparison, flags, qat, results, run, sources
from train.data import Data, some
from train.environment import environment
from train.quiet import quiet

FLAGS = flags.FLAGS
ALL = ["saved_model", *CONVERSIONS]
flags.share("run", "dataset", "data_dir")
flags.DEFINE_string("formats", ",".join(ALL), f"files to write, of: {', '.join(ALL)}.")
flags.DEFINE_integer("calibration_images", 500, "training images to calibrate with.", lower_bound=1)
flags.DEFINE_string("calibration", None, "folder of other images to calibrate with.")
flags.DEFINE_string("quantizer", "converter", f"what quantises: {', '.join(QUANTIZERS)}.")
flags.DEFINE_integer("qat_epochs", 0, "epochs of training as int8 before that.", lower_bound=0)
flags.DEFINE_float("max_drop", 0.5, "most percentage points to lose.", lower_bound=0)
flags.DEFINE_string("author", "", "for the metadata: who made the model.")
flags.DEFINE_string("license", "", "for the metadata: under which it may be used.")


def main(arguments: list[str]) -> None:
    """Exports, measures, reports, and fails if a file has lost too much."""
    if arguments or not FLAGS.run:
        raise InputError("say which run, and write flags as --name=value: --run=saved_models/NAME.")
    formats, folder = _formats(), Path(FLAGS.run)
    restored = results.restore(folder, FLAGS.author, FLAGS.license)
    data = _data(run.read_record(folder)["dataset"], restored.model.input_shape[1:])
    images = _calibration(data)
    with run.writing(folder):
        _write(folder, formats, restored, data, images)
        reference = restored.model.predict(data.test.images, batch_size=BATCH, verbose=0)
        report = {
            "keras": results.scores(reference, reference, data.test),
            "formats": comparison.compare(folder, formats, reference, data.test),
            "calibration": {"from": FLAGS.calibration or data.name, "images": len(images)},
            "quantizer": FLAGS.quantizer,
            "qat_epochs": FLAGS.qat_epochs,
            "dataset": {"name": data.name, "sha256": data.fingerprint()},
            **environment(),
        }
        run.write_json(folder / run.REPORT, report)
        comparison.draw(folder, report["formats"], report["keras"]["accuracy"])
    print(
        f"Keras: {report['keras']['accuracy']:.2%} of {len(reference)} test images of {data.name}"
    )
    print(comparison.table(report["formats"]))
    comparison.check_drops(report["formats"], FLAGS.max_drop)


def _formats() -> list[str]:
    """The formats asked for, each once."""
    formats = list(dict.fromkeys(name.strip() for name in FLAGS.formats.split(",")))
    for name in formats:
        lookup(dict.fromkeys(ALL), name, "format")
    lookup(QUANTIZERS, FLAGS.quantizer, "quantizer")
    if FLAGS.qat_epochs and qat.TUNED not in formats:
        raise InputError(f"qat_epochs is for {qat.TUNED}: add it to --formats.")
    return formats


def _write(folder: Path, formats: list[str], restored, data: Data, images: np.ndarray) -> None:
    """Writes the files, of the tuned network where that is asked for."""
    model = restored.model
    groups = [(model, formats)]
    if FLAGS.qat_epochs:
        tuned = qat.finetune(model, data.train.images, images, restored.recipe, FLAGS.qat_epochs)
        plain = [name for name in formats if name != qat.TUNED]
        groups = [(model, plain), (tuned, [qat.TUNED])]
    remove(folder / run.REPORT)  # which would speak of other files
    for source, names in groups:
        with quiet():
            save(source, folder, names, restored.card, images, FLAGS.quantizer)


def _data(described: dict[str, Any], shape: tuple[int, int, int]) -> Data:
    """The images that a run was trained and tested with."""
    name, (height, width, _) = FLAGS.dataset or described["name"], shape
    try:
        data = sources.load(name, FLAGS.data_dir, height if height == width else None, height)
    except InputError as error:
        if FLAGS.dataset:
            raise
        raise InputError(
            f"{error} Data from a folder need its path: --dataset=./{name}."
        ) from error
    if data.fingerprint() != described["sha256"]:
        raise InputError(
            f"{name} is not the data of this run, as its SHA-256 differs: give those with "
            "--dataset=FOLDER or --data_dir."
        )
    return data


def _calibration(data: Data) -> np.ndarray:
    """Some training images, the same each time; or those of a folder."""
    if FLAGS.calibration is not None:
        folder = Path(FLAGS.calibration)
        return sources.read_folder(folder, data.shape, FLAGS.calibration_images)
    return data.train.images[some(len(data.train.images), FLAGS.calibration_images)]


if __name__ == "__main__":
    flags.start(main)
