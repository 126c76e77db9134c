"""Trains a network and delivers it: `python -m train.cifar --model=resnet20 --recipe=fast`.

Writes a run folder with the model as `.keras`, weights, SavedModel and `.tflite`, all scored on
the same test images.
"""

from dataclasses import replace
from pathlib import Path

from keras import callbacks

from keras_resnet import Spec
from keras_resnet.errors import InputError
from keras_resnet.formats import FORMATS
from train import devices, distillation, engine, flags, results, run, sources
from train.recipe import Recipe

FLAGS = flags.FLAGS
flags.share("model", "recipe", "spec", "dataset", "data_dir")
flags.DEFINE_integer("image_size", None, "side to scale images to.", lower_bound=1)
flags.DEFINE_string("output_dir", None, "run folder (default: saved_models/MODEL_DATASET).")
flags.DEFINE_boolean("overwrite", False, "replace a run that is in the run folder.")
flags.DEFINE_float(
    "checkpoint_seconds", engine.CHECKPOINT_SECONDS, "most work to lose if killed.", lower_bound=0
)
flags.DEFINE_boolean("tensorboard", False, "also log for TensorBoard, in the run folder.")
flags.define(Spec, without=("input_shape", "classes"))
flags.define(Recipe)
flags.define(devices.Execution)


def main(arguments: list[str]) -> None:
    """Checks what was asked, trains, delivers, and proves that all formats agree."""
    if arguments:
        raise InputError(f"unexpected {arguments[0]!r}: write flags as --name=value.")
    model, spec, recipe = flags.base()
    spec, recipe = replace(spec, **flags.given(Spec)), replace(recipe, **flags.given(Recipe))
    execution = devices.Execution(**flags.given(devices.Execution))
    devices.choose(execution.devices)  # before anything starts TensorFlow
    data = sources.load(FLAGS.dataset, FLAGS.data_dir, FLAGS.image_size, spec.input_shape[0])
    training = engine.prepare(spec, recipe, data, execution)
    folder = Path(FLAGS.output_dir or f"saved_models/{model}_{data.name.replace('/', '_')}")
    distillation.check(training.recipe, training.spec, data.classes, folder)
    description = training.description(model, data) | distillation.identity(recipe)
    logs = [callbacks.TensorBoard(folder / run.TENSORBOARD)] if FLAGS.tensorboard else []
    with run.recording(folder, description, FLAGS.overwrite) as record:
        print(
            f"{model} for {len(data.classes)} classes of {data.name}: {len(data.train.labels)} + "
            f"{len(data.test.labels)} images {data.shape}, flips: "
            f"{training.recipe.flip}, {training.execution.precision} on "
            f"{training.execution.devices}"
        )
        said = folder / run.CHECKPOINTS / distillation.SAID
        targets = distillation.targets(training, data.classes, said)
        result = engine.fit(training, folder, FLAGS.checkpoint_seconds, logs, targets=targets)
        record["last_epoch"] = result.last_epoch
        record["seconds"] = result.progress.seconds
        record["images_per_second"] = result.images_per_second
        results.deliver(folder, result.model, results.card(description, data.classes))
        results.draw(folder)
        record["test"] = results.score(folder, data.test)
        for name, values in record["test"].items():
            file = FORMATS[name].file
            print(f"{file:14} {values['accuracy']:.2%} of {len(data.test.labels)} test images")
        results.check_agreement(record["test"])
    print(f"{result.progress.seconds:.0f} s of training. Run folder: {folder}")


if __name__ == "__main__":
    flags.start(main)
