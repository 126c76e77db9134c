import pytest

from train.utils.table import write_csv

pytestmark = pytest.mark.unit


def test_a_table_has_the_columns_of_all_rows_or_those_that_are_named(tmp_path):
    path, rows = tmp_path / "t.csv", [{"a": 1, "b": "é"}, {"c": None, "a": 2}]
    write_csv(path, rows)
    assert path.read_text(encoding="utf-8").splitlines() == ["a,b,c", "1,é,", "2,,"]
    write_csv(path, rows, ["c", "a"])
    assert path.read_text().splitlines() == ["c,a", ",1", ",2"]
    write_csv(path, [])
    assert path.read_text() == ""
