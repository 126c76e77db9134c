"""Trains a network and exports it: `python -m train.cifar --model=resnet20 --recipe=fast`.

Writes a run folder with the model as `.keras`, weights, SavedModel and `.tflite`, all scored on
the same test images. From Python: `train.cifar.run(model="resnet20", recipe="fast")`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_resnet.export.files import FORMAT_FILES
from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from train import flags
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.trainer.checkpoint import CHECKPOINT_SECONDS, CHECKPOINTS

COMMAND = flags.Command("train.cifar", __doc__)
COMMAND.share("model", "recipe", "spec")
COMMAND.add_fields(DataSettings)
COMMAND.add(
    str, "output_dir", None, "run folder (default: saved_models/MODEL_DATASET)", **flags.PATH
)
COMMAND.add(bool, "overwrite", False, "replace a run that is in the run folder")
COMMAND.add(float, "checkpoint_seconds", CHECKPOINT_SECONDS, "most work to lose if killed", low=0)
COMMAND.add(bool, "tensorboard", False, "also log for TensorBoard, in the run folder")
COMMAND.add_fields(Spec, without=("input_shape", "classes"))
COMMAND.add_fields(Recipe)
COMMAND.add_fields(Execution)


def run(**settings: Any) -> dict[str, Any]:
    """Trains a network and exports it, as the command does.

    Args:
        **settings: The flags of the command, by name: `model="resnet20"`, `epochs=10`,
            `output_dir="folder"`...

    Returns:
        The record of the run, as in `run.json`: network, recipe, `last_epoch`, `test`...

    Raises:
        InputError: for impossible settings, or if the training fails.
    """
    return COMMAND.run(main, settings)


def main(values: flags.Values) -> dict[str, Any]:
    """Checks the settings, trains, exports, and compares the scores of all formats."""
    from train.backend import backend

    engine = backend()  # before anything else imports Keras, as it is quiet
    from keras import callbacks

    from train.compress import distillation
    from train.data import sources
    from train.evaluation.attempt import try_evaluation
    from train.evaluation.scores import accuracy, per_class
    from train.evaluation.summary import percent, weakest_classes
    from train.runs import folder as folders
    from train.runs import results
    from train.runs.restore import model_card
    from train.trainer import trainer

    values.refuse_arguments()
    model, network, recipe = flags.base(values)
    network = _replace(network, values.given(Spec))
    recipe = replace(recipe, **values.given(Recipe))
    execution = Execution(**values.given(Execution))
    engine.choose(execution.devices)  # before anything starts the devices
    settings = DataSettings(**values.given(DataSettings))
    data = sources.load(settings, network.input_shape[0])
    training = trainer.prepare(network, recipe, data, execution, model)
    folder = Path(values.output_dir or f"saved_models/{model}_{data.name.replace('/', '_')}")
    distillation.check_teachers(training.recipe, training.network, data.classes, folder)
    description = training.description() | distillation.teacher_checksums(recipe)
    logs = [callbacks.TensorBoard(folder / folders.TENSORBOARD)] if values.tensorboard else []
    with folders.record_run(folder, description, values.overwrite) as record:
        record["source"] = {"dataset": settings.dataset, "data_dir": settings.data_dir}
        print(
            f"{model} for {len(data.classes)} classes of {data.name}: {len(data.train)} + "
            f"{len(data.test)} images {data.shape}, flips: "
            f"{training.recipe.flip}, {training.execution.precision} on "
            f"{training.execution.devices}"
        )
        cache = folder / CHECKPOINTS / distillation.TEACHER_CACHE
        targets = distillation.teacher_targets(training, cache)
        result = trainer.fit(training, folder, values.checkpoint_seconds, logs, targets=targets)
        record |= result.outcome()
        if training.recipe.deliver == "best":
            print(f"delivered: epoch {result.delivered_epoch}, the best on held-out images")
        results.write_formats(folder, result.model, model_card(description, data.classes))
        results.plot_curves(folder)
        record["test"], said = results.score(folder, data.test)
        for name, scores in record["test"].items():
            file = FORMAT_FILES[name]
            print(f"{file:14} {scores['accuracy']:.2%} of {len(data.test)} test images")
        results.check_agreement(record["test"])
    labels = data.test.labels
    print(f"accuracy with its 95 % interval: {percent(accuracy(labels, said))}")
    print(f"weakest classes: {weakest_classes(per_class(labels, said, data.classes))}")
    print(f"{result.progress.seconds:.0f} s of training. Run folder: {folder}")
    print(try_evaluation(folder, data))
    return record


def _replace(network: Any, changes: dict[str, Any]) -> Any:
    """A network with other values for some fields, if it is a `Spec`."""
    if changes and not isinstance(network, Spec):
        raise InputError(f"--{min(changes)} is for residual networks: leave it out.")
    return replace(network, **changes)


if __name__ == "__main__":
    COMMAND.start(main)
