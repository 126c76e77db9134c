import keras
import pytest

from keras_resnet import InputError
from train import devices


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
    assert devices.best_precision(capabilities, cpuinfo) == precision


def test_a_named_precision_is_taken_as_it_is():
    assert devices.choose_precision("mixed_float16") == "mixed_float16"
    assert devices.choose_precision("auto") in devices.PRECISIONS
    with pytest.raises(InputError, match="did you mean 'mixed_bfloat16'"):
        devices.choose_precision("bfloat16")


def test_a_policy_is_put_back_even_after_an_error():
    with pytest.raises(RuntimeError), devices.policy("mixed_bfloat16"):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        raise RuntimeError
    assert keras.config.dtype_policy().name == "float32"


def test_there_is_one_strategy_for_the_process():
    assert devices.strategy() is devices.strategy()
