"""What is said of a network's stages adds up to what is known of the network."""

from dataclasses import replace

import pytest

from keras_resnet import SPECS, cifar
from keras_resnet.spec import macs, parameters
from train.evaluation.stages import stages

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", SPECS)
def test_costs_add_up(name):
    rows = stages(SPECS[name])
    assert sum(row.parameters for row in rows) == parameters(SPECS[name])
    assert sum(row.macs for row in rows) == macs(SPECS[name])
    assert [row.blocks for row in rows] == [0, *SPECS[name].blocks, 0]


def test_resnet20_by_hand():
    rows = stages(cifar(20))
    assert [row.name for row in rows] == ["stem", "stage 1", "stage 2", "stage 3", "head"]
    assert [row.size for row in rows] == [(32, 32), (32, 32), (16, 16), (8, 8), (1, 1)]
    assert [row.field for row in rows] == [3, 15, 37, 81, None]
    assert [row.channels for row in rows] == [16, 16, 32, 64, 10]
    assert rows[0].parameters == 27 * 16 + 2 * 16
    assert rows[1].macs == 6 * 9 * 16 * 16 * 32 * 32


def test_the_pool_of_the_stem_and_odd_sides():
    rows = stages(SPECS["ResNet18"])
    assert [(row.size, row.field) for row in rows[:2]] == [((56, 56), 11), ((56, 56), 43)]
    odd = stages(replace(SPECS["ResNet18"], input_shape=(65, 33, 3)))
    assert [row.size for row in odd] == [(17, 9), (17, 9), (9, 5), (5, 3), (3, 2), (1, 1)]


@pytest.mark.parametrize("name", ["ResNet50", "ResNet50V2", "ResNet20"])
def test_dilation_keeps_what_an_output_sees(name):
    spec = SPECS[name]
    dilated = stages(replace(spec, output_stride=spec.stride // 2))
    *before, last, head = stages(spec)
    assert [row.field for row in dilated] == [row.field for row in [*before, last, head]]
    assert dilated[-2].size == tuple(2 * side for side in last.size)
    assert sum(row.macs for row in dilated) == macs(replace(spec, output_stride=spec.stride // 2))
