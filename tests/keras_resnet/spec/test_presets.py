import pytest

from keras_resnet import InputError, cifar, imagenet, summary_table

pytestmark = pytest.mark.unit


def test_a_row_of_the_table():
    table = summary_table({"Mine": cifar(20, shortcut="B")}).splitlines()
    assert len(table) == 3
    assert table[2] == "| Mine | 20 | 272,474 | 274,042 | 40,813,184 | 32x32x3 |"


def test_depths_that_exist():
    assert imagenet(34).blocks == (3, 4, 6, 3)
    assert imagenet(34).block == "basic"
    with pytest.raises(InputError, match="depth 35: use one of \\[18, 34, 50, 101, 152, 200\\]"):
        imagenet(35)
    assert cifar(29, "bottleneck").blocks == (3, 3, 3)
