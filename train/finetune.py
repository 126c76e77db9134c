"""From a folder of photographs to a phone: `python -m train.finetune --dataset=./photos`.

The folder is `ROOT/CLASS/*.jpg`, or has `train`, and maybe `val` and `test`, above the classes. It
is looked over first; then a head is fitted on what a pretrained network says of each photograph,
and the last stages of it learn as long as `--minutes` allows. Leaves a run folder with all that
`train.cifar` leaves, and `model_int8.tflite`.
"""

import os
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from keras_resnet.spec.preprocessing import MODES
from keras_resnet.utils.errors import InputError
from train import beginning, flags, workflow
from train.settings.data import FINETUNE_DATA, DataSettings
from train.settings.execution import Execution
from train.settings.recipe import Recipe
from train.settings.recipes import HEAD_FIELDS

OVERHEAD = 0.8  # of the time that is left after the features; exports and scores take the rest
MAX_DROP = 2.0  # percentage points that an int8 file may lose, or
MAX_LOST = 2  # right answers, where there are few test images
CALIBRATION = 100  # images: TensorFlow looks at two a second of ResNet-50, with one thread
COMMAND = flags.Command("train.finetune", __doc__)
COMMAND.share("model")
COMMAND.add(
    str, "weights", "imagenet", "begin from these: imagenet, hf://OWNER/NAME, a run or a file",
    **flags.PATH,
)  # fmt: skip
COMMAND.add(float, "minutes", 20.0, "how long it may take, about", low=0.1)
COMMAND.add(bool, "head_only", False, "keep all of the network but its head")
COMMAND.add_fields(DataSettings, without=["data_dir"])  # which is TFDS's
COMMAND.add(
    str, "output_dir", None, "run folder (default: saved_models/finetuned_DATASET)", **flags.PATH
)
COMMAND.share("overwrite")
COMMAND.add_fields(
    Recipe, without=("subtract_mean", "teacher", "temperature", "label_share", "deliver")
)
COMMAND.add_fields(Execution)


def run(**settings: Any) -> dict[str, Any]:
    """Fine-tunes a network on photographs and exports it, as the command does.

    Args:
        **settings: The flags of the command, by name: `dataset="photos"`, `minutes=10`...

    Returns:
        The record of the run, as in `run.json`, with `survey` and `head`.

    Raises:
        InputError: for impossible settings, photographs or weights that cannot be read.
    """
    return COMMAND.run(main, settings)


class Choice(NamedTuple):
    """What the flags ask for."""

    name: str
    network: Any
    recipe: Recipe
    settings: DataSettings


def main(values: flags.Values) -> dict[str, Any]:
    """Looks the folder over, trains, exports and scores."""
    began = monotonic()
    choice = _choose(values)
    data, found = _look_over(choice)
    if not values.batch_size:  # a small folder has less than a batch
        size = min(choice.recipe.batch_size, sum(found.counts["training"]))
        choice = choice._replace(recipe=replace(choice.recipe, batch_size=size))
    folder = Path(values.output_dir or f"saved_models/finetuned_{data.name}")
    execution = Execution(**values.given(Execution))
    training = _prepare(values, folder, choice, data, execution)
    told = {"source": data.source(), "survey": found.record()}
    ends = began + OVERHEAD * 60 * values.minutes
    record, predicted = _train(values, folder, training, execution, told, ends)
    _conclude(folder, data, predicted)
    print(f"{(monotonic() - began) / 60:.1f} minutes in all. Run folder: {folder}")
    return record


def _choose(values: flags.Values) -> Choice:
    """Checks the flags: the network, how to train it, and which photographs."""
    values.refuse_arguments()
    if not values.dataset:
        raise InputError("say which photographs: --dataset=FOLDER, with a folder for each class.")
    if not os.path.isdir(os.path.expanduser(values.dataset)):
        raise InputError(f"no folder {values.dataset!r}: check --dataset.")
    beginning.check_start(values.weights)
    name, network, recipe = flags.base(values, "resnet50", "finetune")
    given = values.given(Recipe)
    asked = [*given, *(["minutes"] if values.as_flags("minutes") else [])]
    if values.head_only and (fields := [field for field in asked if field not in HEAD_FIELDS]):
        raise InputError(f"{fields[0]} is for the stages below the head: leave out --head_only.")
    framing = beginning.source_framing(values.weights)
    settings = replace(FINETUNE_DATA, **(framing | values.given(DataSettings)))
    if not os.path.isabs(os.path.expanduser(settings.dataset)):  # a bare name is one of TFDS
        settings = replace(settings, dataset=os.path.join(".", settings.dataset))
    return Choice(name, network, recipe.changed(given), settings)


def _look_over(choice: Choice) -> tuple[Any, Any]:
    """Reads the photographs, and shows and checks what is in them, before TensorFlow is there."""
    from train.data import sources
    from train.data.survey import check, survey, text

    data = sources.load(choice.settings, FINETUNE_DATA.image_size)
    found = survey(data, choice.recipe.validation_fraction)
    print(text(found, data), flush=True)
    check(found, data)
    return data, found


def _prepare(
    values: flags.Values, folder: Path, choice: Choice, data: Any, execution: Execution
) -> Any:
    """A training that begins from the weights."""
    from train.backend import backend

    engine = backend()  # before anything else imports Keras, as it is quiet
    from train.trainer import trainer
    from train.transfer import tuning

    beginning.check_apart(values.weights, folder)
    engine.choose(execution.devices)
    name, network, weights = beginning.open_start(values, choice.name, choice.network)
    if weights.preprocessing is None:
        weights = weights._replace(preprocessing=MODES[network.preprocessing])
        print(
            f"{weights.source} does not tell how its images were prepared: taken for "
            f"'{network.preprocessing}', as the published weights of this network"
        )
    weights = weights.without_head()  # as a head is fitted, whatever the classes were
    training = trainer.prepare(network, choice.recipe, data, execution, name, weights)
    print(beginning.began_from(training), flush=True)
    tuning.check_stages(training)
    return training


def _train(
    values: flags.Values,
    folder: Path,
    training: Any,
    execution: Execution,
    told: dict[str, Any],
    ends: float,
) -> tuple[dict[str, Any], Any]:
    """Fits the head, trains what the time allows, and delivers.

    Returns:
        The record of the run, and the probabilities of the test photographs.
    """
    from train.evaluation.scores import per_class
    from train.evaluation.summary import class_table
    from train.runs import folder as folders
    from train.transfer import tuning

    asked = {"plan": {"minutes": values.minutes, "head_only": values.head_only}}
    given, begun = [*values.given(Recipe)], None
    if not values.overwrite:  # before features are computed for it
        begun = tuning.begun(folder, training.description() | asked, given)
    else:
        folders.check_claim(folder, training.description() | asked, overwrite=True)
    head = tuning.fit_head(training)
    left = 0.0 if values.head_only else max(ends - monotonic(), 1.0)  # 1 s is for no epoch
    training, plan = tuning.plan(training, execution, begun, left, given)
    print(plan, flush=True)
    data, description = training.data, training.description() | asked
    with folders.record_run(folder, description, values.overwrite) as record:
        record |= {**told, "head": head.record()}
        result = tuning.tune(training, folder, head, plan)
        record |= result.outcome()
        predicted = workflow.deliver(folder, result.model, description, data, record)
        classes = per_class(data.test.labels, predicted.argmax(-1), data.classes)
        record["recall"] = {row["name"]: row["recall"] for row in classes if row["support"]}
    print(class_table(classes))
    return record, predicted


def max_drop(images: int) -> float:
    """The percentage points that an int8 file may lose, of so many test images."""
    most = round(100 * MAX_LOST / images, 6)  # as drops are rounded that it is compared with
    return min(100.0, max(MAX_DROP, most))


def _conclude(folder: Path, data: Any, predicted: Any) -> None:
    """Summarizes and evaluates, and makes the int8 file."""
    from train import export
    from train.evaluation.attempt import try_evaluation
    from train.runs import results

    workflow.summarize(data, predicted.argmax(-1))
    print(try_evaluation(folder, data, predicted))
    if results.can_export():
        export.run(
            run=str(folder), formats="int8", known=predicted,
            calibration_images=CALIBRATION,
            max_drop=max_drop(len(data.test)),
        )  # fmt: skip
    else:
        print(workflow.export_later(folder))


if __name__ == "__main__":
    COMMAND.start(main)
