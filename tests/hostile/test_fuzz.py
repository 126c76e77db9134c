"""No damaged file of ours hangs, crashes, or ends in anything but one sentence."""

from collections import Counter

import pytest

from tests.hostile import bounded
from tests.hostile.files import TARGETS, make_originals

QUICK, SLOW = 10, 700  # damaged copies of each kind


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    make_originals(folder)
    return folder


def assert_harmless(outcomes, count):
    assert len(outcomes) == count
    assert [row for row in outcomes if row.kind not in ("done", "refused")] == []


def test_damaged_files_are_read_or_refused(originals, tmp_path):
    """All kinds in one process, as each would start TensorFlow."""
    outcomes = bounded.run("tests.hostile.files:every_kind", [originals, 0, QUICK], tmp_path)
    assert_harmless(outcomes, QUICK * len(TARGETS))
    refused = Counter(row.name.rpartition(" ")[0] for row in outcomes if row.kind == "refused")
    assert refused.keys() == TARGETS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_ten_thousand_damaged_files_are_read_or_refused(name, originals, tmp_path):
    outcomes = bounded.run("tests.hostile.files:cases", [name, originals, QUICK, SLOW], tmp_path)
    assert_harmless(outcomes, SLOW)
