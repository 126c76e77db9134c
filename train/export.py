"""Exports a trained run for phones and servers, and measures every file.

`python -m train.export --run=saved_models/NAME --formats=float32,int8`
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet.errors import InputError, lookup
from keras_resnet.files import replacing
from keras_resnet.formats import FORMATS, save
from keras_resnet.tflite import CONVERSIONS, QUANTIZERS
from train import comparison, flags, qat, results, run, sources
from train.data import Data
from train.quiet import quiet
from train.recipe import Recipe

FLAGS = flags.FLAGS
ALL = ["saved_model", *CONVERSIONS]
flags.DEFINE_string("run", None, "run folder, as train.cifar left it.")
flags.DEFINE_string("formats", ",".join(ALL), f"files to write, of: {', '.join(FORMATS)}.")
flags.DEFINE_string("dataset", None, "as in train.cifar (default: the run's own).")
flags.DEFINE_string("data_dir", None, "folder of prepared TFDS data, read offline.")
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
    formats = [name.strip() for name in FLAGS.formats.split(",")]
    for name in formats:
        lookup(FORMATS, name, "format")
    lookup(QUANTIZERS, FLAGS.quantizer, "quantizer")
    folder = Path(FLAGS.run)
    record = run.read_record(folder)
    card = results.card(record, run.read_classes(folder), FLAGS.author, FLAGS.license)
    model = results.restore(folder, record)
    data = _data(record, model)
    images = _calibration(data)
    tuned = model
    if FLAGS.qat_epochs:
        recipe = Recipe(**record["recipe"])
        tuned = qat.finetune(model, data.train, images, recipe, FLAGS.qat_epochs)
    for source in dict.fromkeys((model, tuned)):
        names = [name for name in formats if (tuned if name in qat.TUNED else model) is source]
        with quiet():
            save(source, folder, names, card, images, FLAGS.quantizer)
    reference = model.predict(data.test.images, batch_size=100, verbose=0)
    report = {
        "keras": results.scores(reference, reference, data.test),
        "formats": comparison.compare(folder, formats, reference, data.test),
        "calibration_images": len(images),
        "quantizer": FLAGS.quantizer,
        "qat_epochs": FLAGS.qat_epochs,
        "dataset": {"name": data.name, "sha256": data.fingerprint()},
        **run.environment(),
    }
    with replacing(folder / run.REPORT) as partial:
        partial.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")
    expected = report["keras"]["accuracy"]
    comparison.draw(folder, report["formats"], expected)
    print(f"Keras: {expected:.2%} of {len(data.test.labels)} test images of {data.name}")
    print(comparison.table(report["formats"]))
    comparison.check_drops(report["formats"], FLAGS.max_drop)


def _data(record: dict[str, Any], model) -> Data:
    """The images that the run was trained and tested with."""
    name, shape = FLAGS.dataset or record["dataset"]["name"], model.input_shape[1:]
    data = sources.load(name, FLAGS.data_dir, shape[0], shape[0])
    if data.fingerprint() != record["dataset"]["sha256"]:
        raise InputError(
            f"{name} is not the data of this run, as its SHA-256 differs: give those with "
            "--dataset=FOLDER or --data_dir."
        )
    return data


def _calibration(data: Data) -> np.ndarray:
    """Some training images, the same each time; or those of a folder."""
    count, shape = FLAGS.calibration_images, data.shape
    if FLAGS.calibration is None:
        order = np.random.default_rng(0).permutation(len(data.train.images))
        return data.train.images[np.sort(order[:count])]
    return sources.read_folder(Path(FLAGS.calibration), shape, count)


if __name__ == "__main__":
    flags.start(main)
