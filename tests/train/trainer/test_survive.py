"""A training that is killed, stopped, refused or broken loses nothing and says so."""

import json
import os
import signal
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_resnet import InputError
from tests.forked import Forked
from tests.train.trainer import survive
from train import cifar
from train.data import sources
from train.data.dataset import Data
from train.settings.data import DataSettings
from train.settings.execution import Execution
from train.trainer import checkpoint, fitting, trainer
from train.utils.stop_signals import Stopped

RECIPE = replace(survive.RECIPE, epochs=2, ema_decay=0.0)
DATA = Data("colours", ("red", "green", "blue"), survive.colours(120), survive.colours(30))
FLOAT32 = Execution(precision="float32")


def fit(folder, recipe=RECIPE, execution=FLOAT32, data=DATA, **settings):
    return fitting.fit(trainer.prepare(survive.SPEC, recipe, data, execution), folder, **settings)


def after_steps(count, do):
    """A callback that does something once, after some steps of the process."""
    seen = []

    def step(batch, logs):
        seen.append(batch)
        if len(seen) == count:
            do()

    return [keras.callbacks.LambdaCallback(on_train_batch_end=step)]


def same(one, other):
    for a, b in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    for a, b in zip(one.progress.history, other.progress.history, strict=True):
        assert a | {"images_per_second": 0} == b | {"images_per_second": 0}


@pytest.mark.parametrize(
    ("kills", "more"),
    [
        (2, ["--precision=mixed_bfloat16"]),  # in steps, and while a checkpoint is written
        pytest.param(3, ["--photographs"], marks=pytest.mark.slow),
        pytest.param(25, ["--precision=mixed_bfloat16"], marks=pytest.mark.slow),
        pytest.param(25, ["--precision=mixed_float16"], marks=pytest.mark.slow),
        pytest.param(25, ["--precision=float32"], marks=pytest.mark.slow),
        pytest.param(25, ["--photographs"], marks=pytest.mark.slow),
    ],
)
def test_kills_do_not_change_a_bit(python, kills, more):
    epochs = 4 if kills < 25 else 10  # a fast machine must not come to the end before
    arguments = f"--kills={kills}", f"--seed={kills}", f"--epochs={epochs}", *more
    said = python("-m", "tests.train.trainer.survive", *arguments).stdout.splitlines()
    assert said[-1].startswith(f"{kills} kills, ")
    assert "equal to the bit" in said[-1]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """As many images to train on, as files of many sizes."""
    folder = tmp_path_factory.mktemp("photographs")
    survive.write_photographs(folder, 137)
    return sources.load(DataSettings(str(folder), image_size=8), 8)


@pytest.mark.parametrize(
    ("precision", "recipe"),
    [
        ("mixed_float16", replace(RECIPE, ema_decay=0.9)),
        pytest.param(
            "mixed_bfloat16",
            replace(survive.PHOTOGRAPHS, epochs=2, ema_decay=0.0),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["colours", "photographs"],
)
def test_a_signal_saves_and_the_same_training_goes_on(
    tmp_path, precision, recipe, photographs, capsys
):
    """With the loss scale of float16, which doubles after steps without overflow, and averages."""
    execution = Execution(precision=precision)
    data = photographs if recipe.crop == "area" else DATA
    whole = fit(tmp_path / "whole", recipe, execution, data)
    if precision == "mixed_float16":
        assert {row["skipped_steps"] for row in whole.progress.history} <= {*range(10)}
        assert whole.last_epoch["loss_scale"] > 0
    before = signal.getsignal(signal.SIGTERM)
    steps_each = trainer.prepare(survive.SPEC, recipe, data, execution).steps
    # In the first epoch; from there in the second; and with the last step of all.
    for steps, place, name, shown in (
        (3, "step 3 of epoch 1", "SIGTERM", ["Epoch 1/2"]),
        (steps_each - 1, "step 2 of epoch 2", "SIGHUP", ["Epoch 1/2", "Epoch 2/2"]),
        (steps_each - 2, "epoch 2", "SIGTERM", ["Epoch 2/2"]),
    ):
        capsys.readouterr()
        with pytest.raises(Stopped, match=f"{name}: stopped and saved after {place}"):
            number = getattr(signal, name)
            stop = after_steps(steps, lambda number=number: os.kill(os.getpid(), number))
            fit(tmp_path / "halves", recipe, execution, data, callbacks=stop)
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if line.startswith("Epoch")] == shown
    assert (tmp_path / "halves/history.csv").read_text().count("\n") == 3
    assert signal.getsignal(signal.SIGTERM) == before
    same(whole, fit(tmp_path / "halves", recipe, execution, data))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A training that was not disturbed, and its folder."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    keras.utils.set_random_seed(0)
    return fit(folder), folder


def test_several_steps_at_once_end_alike_and_go_on(finished, tmp_path):
    """With 6 steps an epoch, three times two."""
    execution = replace(FLOAT32, steps_per_execution=2)
    whole = fit(tmp_path / "whole", execution=execution)
    single = finished[0].progress.history
    for a, b in zip(whole.progress.history, single, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-3)
    with pytest.raises(Stopped, match="step 2 of epoch 1"):
        stop = after_steps(1, lambda: os.kill(os.getpid(), signal.SIGTERM))
        fit(tmp_path / "halves", execution=execution, callbacks=stop)
    same(whole, fit(tmp_path / "halves", execution=execution))


def test_averages_are_validated_and_delivered_and_the_weights_left_as_they_are(tmp_path):
    """Keras's SwapEMAWeights changes last bits, and on each epoch that would add up."""
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.weights = self.model.get_weights()

        def on_test_batch_begin(self, batch, logs=None):
            seen.append(not np.array_equal(self.weights[0], self.model.get_weights()[0]))

        def on_epoch_end(self, epoch, logs=None):
            for before, after in zip(self.weights, self.model.get_weights(), strict=True):
                assert before.tobytes() == after.tobytes()

    training = trainer.prepare(survive.SPEC, replace(RECIPE, ema_decay=0.9), DATA, FLOAT32)
    look = Look()
    result = fitting.fit(training, tmp_path, callbacks=[look])
    assert seen
    assert all(seen)
    assert not np.array_equal(result.model.get_weights()[0], look.weights[0])


def test_the_best_epoch_is_delivered_as_it_was_validated(tmp_path):
    """Its averages, after a stop in the next epoch."""
    validated = []

    class Look(keras.callbacks.Callback):
        def on_test_batch_begin(self, batch, logs=None):
            if batch == 0:
                validated.append(self.model.get_weights())

    recipe = replace(survive.EARLY, epochs=3, ema_decay=0.5)
    data = replace(DATA, train=survive.colours(240))

    def go_on(*callbacks):
        training = survive.mislabelled(trainer.prepare(survive.SPEC, recipe, data, FLOAT32))
        return fitting.fit(training, tmp_path, callbacks=[Look(), *callbacks])

    with pytest.raises(Stopped, match="step 2 of epoch 3"):
        go_on(*after_steps(28, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    result = go_on()
    scores = [row["val_accuracy"] for row in result.progress.history]
    assert len(validated) == len(scores) == 3
    assert result.delivered_epoch == result.outcome()["delivered_epoch"] < 3
    assert scores[result.delivered_epoch - 1] == max(scores)
    best = validated[result.delivered_epoch - 1]
    for weights, kept in zip(result.model.get_weights(), best, strict=True):
        assert weights.tobytes() == kept.tobytes()


def test_a_training_stops_when_no_epoch_gets_better_and_goes_on_to_the_same_end(tmp_path):
    recipe = replace(survive.EARLY, epochs=50, patience=2)
    data = replace(DATA, train=survive.colours(240))

    def prepare():
        return survive.mislabelled(trainer.prepare(survive.SPEC, recipe, data, FLOAT32))

    def go_on(folder, *callbacks):
        return fitting.fit(prepare(), folder, callbacks=callbacks)

    whole = go_on(tmp_path / "whole")
    assert whole.progress.epoch == whole.delivered_epoch + 2 < 50
    last = whole.progress.epoch * prepare().steps - 3
    with pytest.raises(Stopped, match="step"):
        go_on(tmp_path / "halves", *after_steps(last, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    same(whole, go_on(tmp_path / "halves"))
    same(
        whole, go_on(tmp_path / "halves", *after_steps(1, lambda: pytest.fail("a step was taken")))
    )


def test_a_finished_training_is_not_trained_again(finished):
    whole, folder = finished
    again = fit(folder, callbacks=after_steps(1, lambda: pytest.fail("a step was taken")))
    same(whole, again)


def test_checkpoints_come_as_often_as_asked(tmp_path):
    written = []
    training = trainer.prepare(survive.SPEC, RECIPE, DATA, FLOAT32)

    def look(batch, logs):
        written.append(len(list((tmp_path / "checkpoints").glob("*"))))

    look = [keras.callbacks.LambdaCallback(on_train_batch_end=look)]
    fitting.fit(training, tmp_path, 1000.0, look)
    assert written[:6] == [0] * 6  # steps of the first epoch
    assert written[6:] == [1] * 6


def test_after_nan_the_last_good_checkpoint_is_kept(tmp_path):
    recipe = replace(RECIPE, optimizer="sgd", learning_rate=1e9, momentum=0.0)
    with pytest.raises(InputError, match=r"the loss became (nan|inf) at step \d of epoch 1: lower"):
        fit(tmp_path, recipe, checkpoint_seconds=0.0)
    there = checkpoint.newest(tmp_path / "checkpoints")
    assert there is not None
    assert all(np.isfinite(array).all() for array in there[1].values())


def test_a_checkpoint_of_another_network_is_refused(finished):
    other = trainer.prepare(replace(survive.SPEC, widths=(24,)), RECIPE, DATA, FLOAT32)
    with pytest.raises(InputError, match="the checkpoint does not fit this training at 'model/"):
        fitting.fit(other, finished[1])


COMMAND = (
    "-m", "train.cifar", "--dataset=digits", "--model=resnet8", "--epochs=3", "--batch_size=64",
    "--blocks=1", "--widths=16", "--image_size=8",
)  # fmt: skip


def test_the_command_stops_goes_on_and_refuses_what_differs(python, command, tmp_path):
    words = [*COMMAND, f"--output_dir={tmp_path}/run", "--checkpoint_seconds=0"]
    process = Forked(*words)
    while not list((tmp_path / "run").glob("checkpoints/[0-9]*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(InputError, match="another process is writing to"):
        command(cifar, *words[2:])
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "SIGTERM: stopped and saved after" in said
    assert "The same command goes on from there." in said
    assert json.loads((tmp_path / "run/run.json").read_text())["status"] == "training"

    with pytest.raises(
        InputError, match=r"holds another run \(recipe.learning_rate 0.2, not 0.3\)"
    ):
        command(cifar, *words[2:], "--learning_rate=0.3")

    done = python(*words)
    assert "going on after" in done.stdout
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["status"] == "finished"
    assert not (tmp_path / "run/checkpoints").exists()
    assert len((tmp_path / "run/history.csv").read_text().splitlines()) == 4
