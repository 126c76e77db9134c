"""A deleted block is as if it had never been built, and swapped ones are exactly swapped."""

from pathlib import Path

import numpy as np
import pytest

from tests.toy_family import Toy, build
from tests.train.analysis.networks import copy_weights, network, outputs, sample, spec
from train.analysis import lesions
from train.analysis.analyses import AnalysisSettings
from train.analysis.graph import copy
from train.analysis.lesioned_model import LesionedModel
from train.analysis.subject import NotApplicable, Subject

ORDERS = ("original", "bn_after_add", "relu_before_add", "relu_only_preact", "full_preact")
NETWORKS = [*((order, "A") for order in ORDERS), ("original", "B")]
QUICK = [("original", "A"), ("full_preact", "A")]


@pytest.mark.parametrize(
    "order, shortcut",
    [pytest.param(*row, marks=() if row in QUICK else pytest.mark.slow) for row in NETWORKS],
)
def test_of_a_deleted_block_the_shortcut_stays(order, shortcut):
    """Each block, also where the image is halved: as if its branch gave zeros."""
    model = network(spec(activation_order=order, shortcut=shortcut))
    whole, lesioned, silent = outputs(model), LesionedModel(model), copy(model)
    assert lesioned.deletable == lesioned.blocks
    assert np.array_equal(outputs(lesioned.model), whole)
    for block in lesioned.blocks:
        lesioned.delete([block])
        last = [la for la in silent.layers if la.name.startswith(f"{block}_2_") and la.weights][-1]
        weights = last.get_weights()  # a kernel; or scale, shift and statistics
        last.set_weights([np.zeros_like(each) for each in weights[:2]] + weights[2:])
        assert np.array_equal(outputs(lesioned.model), outputs(silent)), block
        assert not np.array_equal(outputs(lesioned.model), whole), block
        last.set_weights(weights)
    lesioned.delete([])
    assert np.array_equal(outputs(lesioned.model), whole)


@pytest.mark.parametrize(
    "order, shortcut",
    [
        ("original", "A"),
        pytest.param("full_preact", "B", marks=pytest.mark.slow),
        ("original", "none"),
    ],
)
def test_a_network_without_a_block_is_the_one_built_without_it(order, shortcut):
    model = network(spec(activation_order=order, shortcut=shortcut))
    lesioned = LesionedModel(model)
    lesioned.delete(["conv2_block2", "conv3_block2"])
    smaller = network(spec(activation_order=order, shortcut=shortcut, blocks=(1, 1)))
    copy_weights(model, smaller, {})
    assert np.array_equal(outputs(lesioned.model), outputs(smaller))


def test_a_plain_block_that_changes_the_shape_cannot_be_deleted():
    lesioned = LesionedModel(network(spec(shortcut="none")))
    assert lesioned.blocks == ["conv2_block1", "conv2_block2", "conv3_block1", "conv3_block2"]
    assert lesioned.deletable == ["conv2_block1", "conv2_block2", "conv3_block2"]


@pytest.mark.parametrize("shortcut", ["A", "none"])
def test_swapped_blocks_have_each_others_weights(shortcut):
    model = network(spec(shortcut=shortcut))
    lesioned = LesionedModel(model)
    assert lesioned.groups == [["conv2_block1", "conv2_block2"]]  # the third halves the image
    lesioned.order(["conv2_block2", "conv2_block1", "conv3_block1", "conv3_block2"])
    other = network(spec(shortcut=shortcut))
    copy_weights(model, other, {"conv2_block1": "conv2_block2", "conv2_block2": "conv2_block1"})
    assert np.array_equal(outputs(lesioned.model), outputs(other))
    lesioned.order(lesioned.blocks)
    assert np.array_equal(outputs(lesioned.model), outputs(model))


def test_swaps_stay_within_groups():
    blocks, groups = ["a", "b", "c", "d"], [["a", "b"], ["c", "d"]]
    rng = np.random.default_rng(0)
    orders = {tuple(lesions.swap(blocks, groups, 1, rng)) for _ in range(50)}
    assert orders == {("b", "a", "c", "d"), ("a", "b", "d", "c")}


def test_all_lesions_are_in_the_table():
    config = spec(blocks=(3, 3))
    model = network(config)
    subject = Subject("small", Path(), {}, config, model)
    before, predicted = model.get_weights(), model.predict_on_batch(sample().images)
    result = lesions.measure(subject, sample(), AnalysisSettings(draws=2))
    table = lesions.rows(result)
    kinds = [row["lesion"] for row in table]
    assert [kinds.count(k) for k in ("none", "delete one", "delete several", "swap")] == [
        1, 6, 2 * 3, 2 * 5,
    ]  # fmt: skip
    assert len(table) == lesions.passes(subject, AnalysisSettings(draws=2))
    wrong = (predicted.argmax(1) != sample().labels).mean()
    assert table[0]["error"] == wrong
    assert all(0 <= row["error"] <= 1 for row in table)
    assert {row["kendall_tau"] for row in table if row["lesion"] == "swap"} != {1.0}
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    again = lesions.measure(subject, sample(), AnalysisSettings(draws=2))
    assert lesions.rows(again) == table


def test_a_network_without_blocks_is_refused():
    toy = Subject("toy", Path(), {}, Toy(), build(Toy(), classifier_activation=None))
    with pytest.raises(NotApplicable, match="toy has no blocks"):
        lesions.passes(toy, AnalysisSettings())
