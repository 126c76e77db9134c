"""From flags to a finished run: what `train.cifar` and `train.imagenet` do."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_resnet.export.files import FORMAT_FILES, OPTIONAL
from keras_resnet.spec import Spec
from keras_resnet.utils.errors import InputError
from train import beginning, flags
from train.runs.files import PREVIEW, TENSORBOARD
from train.settings.data import DataSettings
from train.settings.execution import Execution, Processes
from train.settings.recipe import Recipe
from train.trainer.checkpoint import CHECKPOINTS


def define(name: str, doc: str | None) -> flags.Command:
    """A command with the flags of a training: data, network, recipe, execution."""
    command = flags.Command(name, doc)
    command.share("model", "recipe", "spec")
    command.add(
        str,
        "weights",
        None,
        "begin from these: imagenet or cifar10 (of --model), hf://OWNER/NAME, a run folder or a "
        "weight file; without --model, the network is theirs",
        **flags.PATH,
    )
    command.add_fields(DataSettings)
    command.add(
        str, "output_dir", None, "run folder (default: saved_models/MODEL_DATASET)", **flags.PATH
    )
    command.share("overwrite", "checkpoint_seconds")
    command.add(bool, "onnx", False, f"also write {FORMAT_FILES['onnx']}, and score it")
    command.add(bool, "tensorboard", False, "also log for TensorBoard, in the run folder")
    command.add(
        bool, "preview", False, f"first draw augmented images in the run folder, as {PREVIEW}"
    )
    command.add_fields(Spec, without=("input_shape", "classes"))
    command.add_fields(Recipe)
    command.add_fields(Execution)
    command.add_fields(Processes)
    return command


def train(values: flags.Values, **defaults: str) -> dict[str, Any]:
    """Checks the settings, trains, exports, and compares the scores of all formats.

    Args:
        values: The flags.
        **defaults: `model` and `recipe` where none are given, see `flags.base`.

    Returns:
        The record of the run, as in `run.json`.

    Raises:
        InputError: for impossible settings, or if the training fails.
    """
    from train.backend import backend

    beginning.check_start(values.weights)
    engine = backend()  # before anything else imports Keras, as it is quiet
    values.refuse_arguments()
    with engine.join(Processes(**values.given(Processes))):
        return _train(engine, values, defaults)


def _train(engine: Any, values: flags.Values, defaults: dict[str, str]) -> dict[str, Any]:
    from train.compress import distillation
    from train.data import sources
    from train.data.memory import keep_small
    from train.evaluation.attempt import try_evaluation
    from train.evaluation.preview import draw_preview
    from train.evaluation.repeat import network_title
    from train.runs import folder as folders
    from train.runs import results
    from train.trainer import fitting, trainer
    from train.trainer.callbacks import TensorBoard

    model, network, recipe = flags.base(values, **defaults)
    weights = None
    if values.weights:
        model, network, weights = beginning.open_start(values, model, network)
    network = changed(network, values.given(Spec))
    recipe = recipe.changed(values.given(Recipe))
    execution = Execution(**values.given(Execution))
    engine.choose(execution.devices)  # before anything starts the devices
    framing = beginning.source_framing(values.weights)
    settings = DataSettings(**(framing | values.given(DataSettings)))
    data = sources.load(settings, network.input_shape[0])
    if recipe.crop == "pad":
        data = keep_small(data)
    more = OPTIONAL if values.onnx else ()
    results.check_more(more)
    training = trainer.prepare(network, recipe, data, execution, model, weights)
    folder = Path(values.output_dir or f"saved_models/{model}_{data.name.replace('/', '_')}")
    beginning.check_apart(values.weights, folder)
    if recipe.teacher and engine.processes() > 1:
        raise InputError(
            "distillation trains in one process: leave --teacher out, or --num_processes."
        )
    distillation.check_teachers(training.recipe, training.network, data.classes, folder)
    description = training.description() | distillation.teacher_checksums(recipe)
    if not engine.leads():  # only process 0 knows the folder
        return fitting.fit(training, folder, values.checkpoint_seconds).outcome()
    logs = [TensorBoard(folder / TENSORBOARD)] if values.tensorboard else []
    with folders.record_run(folder, description, values.overwrite) as record:
        record["source"] = data.source()
        print(
            f"{network_title(model, network)} for {len(data.classes)} classes of {data.name}: "
            f"{len(data.train)} + {len(data.test)} images {data.shape}, flips: "
            f"{training.recipe.flip}, {training.execution.precision} on "
            f"{training.execution.devices}"
        )
        if weights:
            print(beginning.began_from(training))
        if values.preview:
            print(f"augmented images: {draw_preview(folder, data, training.recipe)}", flush=True)
        cache = folder / CHECKPOINTS / distillation.TEACHER_CACHE
        targets = distillation.teacher_targets(training, cache)
        result = fitting.fit(training, folder, values.checkpoint_seconds, logs, targets=targets)
        record |= result.outcome()
        if training.recipe.deliver == "best":
            print(f"delivered: epoch {result.delivered_epoch}, the best on held-out images")
        found = deliver(folder, result.model, description, data, record, more)
    summarize(data, found.argmax(-1))
    print(f"{result.progress.seconds:.0f} s of training. Run folder: {folder}")
    if not results.can_export():
        print(export_later(folder))
    print(try_evaluation(folder, data, found))
    return record


def deliver(
    folder: Path,
    model: Any,
    description: dict[str, Any],
    data: Any,
    record: dict[str, Any],
    more: Sequence[str] = (),
) -> Any:
    """Exports a model, and scores all of its files on the test images.

    Args:
        folder: Of the run.
        model: Of raw images, to probabilities.
        description: Of its training.
        data: What it was trained on.
        record: Of the run, to which the scores are added.
        more: Formats beside the usual ones, see `results.write_formats`.

    Returns:
        What the model gives for each test image, `(n, classes)` probabilities.

    Raises:
        InputError: if the files disagree.
    """
    from train.runs import results
    from train.runs.restore import model_card

    results.write_formats(folder, model, model_card(description, data.classes), more)
    results.plot_curves(folder)
    record["test"], found = results.score(folder, data.test, more)
    results.show(record["test"], len(data.test))
    results.check_agreement(record["test"])
    return found


def summarize(data: Any, predicted: Any) -> None:
    """Prints how good a model is, by its predictions for the test images."""
    from train.evaluation.scores import accuracy, per_class
    from train.evaluation.summary import weakest_classes, with_interval

    labels = data.test.labels
    print(f"accuracy with its 95 % interval: {with_interval(accuracy(labels, predicted))}")
    print(f"weakest classes: {weakest_classes(per_class(labels, predicted, data.classes))}")


def export_later(folder: Path) -> str:
    """The command for the files that the backend of a training does not write."""
    run = shlex.quote(str(folder))
    return f"Other files: KERAS_BACKEND=tensorflow python -m train.export --run={run}"


def changed(network: Any, changes: dict[str, Any]) -> Any:
    """A network with other values for some fields of its `Spec`.

    Raises:
        InputError: if it is none, as those of the comparison.
    """
    if changes and not isinstance(network, Spec):
        raise InputError(f"--{min(changes)} is for residual networks: leave it out.")
    return replace(network, **changes)
