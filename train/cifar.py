"""Trains a network and delivers it: `python -m train.cifar --model=resnet20 --recipe=fast`.

Writes a run folder with the model as `.keras`, weights, SavedModel and `.tflite`, all scored on
the same test images.
"""

from dataclasses import asdict, replace
from pathlib import Path

from keras import callbacks

from keras_resnet import SPECS, Spec
from keras_resnet.errors import InputError, lookup
from train import data, engine, flags, run
from train.recipe import RECIPES, Recipe

FLAGS = flags.FLAGS
flags.DEFINE_string("model", "resnet20", f"network: {', '.join(SPECS)}.")
flags.DEFINE_string("recipe", "fast", f"how to train: {', '.join(RECIPES)}.")
flags.DEFINE_string("dataset", "cifar10", "TFDS name, ROOT of {train,test}/CLASS/*.png, or digits.")
flags.DEFINE_string("data_dir", None, "folder of prepared TFDS data, read offline.")
flags.DEFINE_integer("image_size", None, "side to scale images to.", lower_bound=1)
flags.DEFINE_string("output_dir", None, "run folder (default: saved_models/MODEL_DATASET).")
flags.DEFINE_boolean("overwrite", False, "replace a run that is in the run folder.")
flags.DEFINE_string("precision", "auto", f"arithmetic: {', '.join(engine.PRECISIONS)}.")
flags.DEFINE_boolean("tensorboard", False, "also log for TensorBoard, in the run folder.")
flags.define(Spec, without=("input_shape", "classes"))
flags.define(Recipe)


def main(arguments: list[str]) -> None:
    """Checks what was asked, trains, delivers, and proves that all formats agree."""
    if arguments:
        raise InputError(f"unexpected {arguments[0]!r}: write flags as --name=value.")
    model = FLAGS.model.lower()
    spec = replace(lookup(SPECS, model, "model"), **flags.given(Spec))
    recipe = replace(lookup(RECIPES, FLAGS.recipe, "recipe"), **flags.given(Recipe))
    precision = engine.choose_precision(FLAGS.precision)
    images = data.load(FLAGS.dataset, FLAGS.data_dir, FLAGS.image_size, spec.input_shape[0])
    spec = replace(spec, input_shape=images.shape, classes=len(images.classes))
    spec.check_size()
    folder = Path(FLAGS.output_dir or f"saved_models/{model}_{images.name}".replace("/", "_"))

    description = {
        "model": model,
        "spec": asdict(spec),
        "recipe": asdict(recipe),
        "precision": precision,
        "dataset": {"name": images.name, "sha256": images.fingerprint()},
    }
    run.begin(folder, description, FLAGS.overwrite)
    print(
        f"{model}: {spec.classes} classes of {images.name}, {len(images.train.labels)} + "
        f"{len(images.test.labels)} images of {spec.input_shape}, {precision} on "
        f"{engine.strategy().num_replicas_in_sync} x {engine.device_type()}"
    )
    logs = [callbacks.CSVLogger(folder / run.HISTORY)]
    if FLAGS.tensorboard:
        logs.append(callbacks.TensorBoard(folder / "tensorboard"))
    network, seen = engine.fit(spec, recipe, images, precision, logs)

    run.deliver(folder, network, images.classes)
    run.draw(folder)
    scores = run.score(folder, images.test)
    failure = run.disagreement(scores)
    mean, deviation = seen.scale
    run.write_record(
        folder,
        {
            "status": "failed" if failure else "finished",
            **description,
            "normalization": {"mean": mean, "deviation": deviation},
            "last_epoch": seen.last,
            "seconds": seen.seconds,
            "images_per_second": seen.images_per_second,
            "test": scores,
            **run.environment(),
        },
    )
    for name, values in scores.items():
        file = run.FORMATS[name].file
        print(f"{file:14} {values['accuracy']:.2%} of {len(images.test.labels)} test images")
    if failure:
        raise InputError(f"{failure} The files stay in {folder}.")
    print(f"{seen.seconds:.0f} s, {seen.images_per_second:.0f} images/s. Run folder: {folder}")


if __name__ == "__main__":
    flags.start(main)
