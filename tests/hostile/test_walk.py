"""Wrong arguments of commands and functions end in one sentence, and change no file."""

import pytest

from tests.hostile import bounded, walk

SHARE = "0.02"  # of all pairs of a flag and a value, in `make test`


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    walk.make_place(folder)
    yield folder
    walk.clean(folder)


def check(cases, arguments, folder):
    outcomes = bounded.run(f"tests.hostile.walk:{cases}", list(map(str, arguments)), folder)
    assert outcomes
    assert [row for row in outcomes if row.kind not in ("done", "refused")] == []
    assert sum(row.kind == "refused" for row in outcomes) > len(outcomes) / 2


def test_commands_refuse_in_one_sentence(place, tmp_path):
    """All in one process, as each would start TensorFlow and read digits."""
    check("commands", [place, ",".join(walk.COMMANDS), SHARE, 0], tmp_path)


def test_functions_refuse_in_one_sentence(place, tmp_path):
    check("functions", [place, ",".join(walk.FUNCTIONS), "0.05", 0], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", walk.COMMANDS)
def test_commands_refuse_every_value(name, place, tmp_path):
    check("commands", [place, name, "1", 0], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", walk.FUNCTIONS)
def test_functions_refuse_every_value(name, place, tmp_path):
    check("functions", [place, name, "1", 0], tmp_path)
