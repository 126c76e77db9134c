import os
import sys

import pytest

from keras_resnet import InputError
from train.utils.quiet import quiet


def test_only_chatter_is_held_back(capfd):
    with quiet():
        os.write(2, b"I0000 00:00:17 port.cc:153] oneDNN custom operations are on.\n")
        os.write(2, b"E0000 00:00:17 x.cc:1] a real error\n")
        print("from Python", file=sys.stderr)
    print("after", file=sys.stderr)
    said = capfd.readouterr().err.splitlines()
    assert sorted(said) == ["E0000 00:00:17 x.cc:1] a real error", "after", "from Python"]


def test_nothing_is_lost_when_something_fails(capfd):
    try:
        with quiet():
            os.write(2, b"the reason\n")
            raise RuntimeError
    except RuntimeError:
        pass
    assert capfd.readouterr().err == "the reason\n"


def test_a_sentence_stands_alone(capfd):
    with pytest.raises(InputError), quiet():
        os.write(2, b"what a library said\n" * 64)
        raise InputError("it is damaged.")
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_tensorflow_still_cannot_be_silenced(fresh_python):
    """Fails when tensorflow#100442 is mended: then `quiet.py` can go."""
    said = fresh_python("-c", "import tensorflow", TF_CPP_MIN_LOG_LEVEL="3").stderr
    assert "I0000 " in said
