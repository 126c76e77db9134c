import keras
import pytest
import tensorflow as tf

from keras_resnet import InputError
from train.backend.precision import best_precision, choose_precision
from train.backend.tensorflow import devices, errors
from train.settings.execution import PRECISIONS, Execution
from train.trainer.callbacks import TensorBoard
from train.trainer.precision import policy


@pytest.mark.parametrize(
    ("capabilities", "cpuinfo", "precision"),
    [
        ([], "flags : fpu avx512f avx512_bf16", "mixed_bfloat16"),
        ([], "flags : fpu amx_bf16 amx_tile", "mixed_bfloat16"),
        ([], "flags : fpu avx2 avx512f", "float32"),
        ([], "", "float32"),
        ([(9, 0)], "", "mixed_bfloat16"),
        ([(8, 0)], "", "mixed_bfloat16"),
        ([(7, 5)], "avx512_bf16", "mixed_float16"),
        ([(7, 0)], "", "mixed_float16"),
        ([(6, 1)], "avx512_bf16", "float32"),
        ([(9, 0), (7, 0)], "", "mixed_float16"),
    ],
)
def test_the_best_precision_for_some_hardware(capabilities, cpuinfo, precision):
    assert best_precision(capabilities, cpuinfo) == precision


def test_a_named_precision_is_taken_as_it_is():
    assert choose_precision("mixed_float16", []) == "mixed_float16"
    assert choose_precision("auto", []) in PRECISIONS.keys() - {"auto"}
    with pytest.raises(InputError, match="did you mean 'mixed_bfloat16'"):
        choose_precision("bfloat16", [])


def test_a_policy_is_put_back_even_after_an_error():
    with pytest.raises(RuntimeError), policy("mixed_bfloat16"):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        raise RuntimeError
    assert keras.config.dtype_policy().name == "float32"


def test_there_is_one_strategy_for_the_process():
    assert devices.strategy() is devices.strategy()


@pytest.mark.parametrize("name", ["tpu", "cpu:0", "auto:2", "cpu:x", "gpu:2:2"])
def test_unknown_devices_are_refused(name):
    with pytest.raises(InputError, match=rf"unknown devices '{name}': use auto, cpu, gpu, cpu:2"):
        devices._devices(name)


def test_gpus_that_are_not_there_are_refused():
    there = len(tf.config.list_physical_devices("GPU"))
    with pytest.raises(InputError, match=f"are not there: this machine has {there} GPUs"):
        devices._devices(f"gpu:{there + 1}")


def test_devices_are_chosen_once():
    assert devices.choose("auto") is devices.strategy()
    with pytest.raises(InputError, match="devices 'cpu:3' come too late"):
        devices.choose("cpu:3")


def test_too_little_memory_is_a_sentence():
    said = pytest.raises(InputError, match="ran out of memory: lower --batch_size")
    with said, errors.explain_errors():
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")


def test_what_tensorflow_cannot_write_is_an_error_of_the_system(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="events; Not a directory"), errors.explain_writing():
        tf.io.write_file(f"{tmp_path}/file/events", "x")


def test_what_tensorboard_cannot_write_is_an_error_of_the_system(tmp_path):
    (tmp_path / "file").write_text("")
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(OSError, match="file is not a directory"):
        TensorBoard(tmp_path / "file").set_model(model)


@pytest.mark.slow
def test_tensorflow_still_says_so_when_memory_is_too_little():
    """After it has waited ten seconds for some."""
    with pytest.raises(tf.errors.ResourceExhaustedError):
        tf.zeros([2**44])


def test_an_execution_is_resolved_to_what_is_here():
    resolved = devices.resolve(Execution())
    assert resolved.precision in PRECISIONS.keys() - {"auto"}
    assert resolved.devices == devices.summary()
    with pytest.raises(InputError, match="unknown precision 'float64'"):
        Execution(precision="float64")


def test_steps_at_once_must_divide_an_epoch():
    execution = Execution(steps_per_execution=4)
    devices.check_execution(execution, steps=12)
    with pytest.raises(InputError, match="steps_per_execution 4 does not divide the 10 steps"):
        devices.check_execution(execution, steps=10)


@pytest.mark.parametrize(
    ("given", "on"), [(None, "True"), pytest.param("0", "False", marks=pytest.mark.slow)]
)
def test_onednn_computes_on_every_cpu_unless_told_otherwise(fresh_python, monkeypatch, given, on):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    if given:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given)
    code = (
        "from train.backend import backend; backend();"
        "from tensorflow.python.framework import test_util; print(test_util.IsMklEnabled())"
    )
    assert fresh_python("-c", code).stdout.strip() == on
