import json
from dataclasses import dataclass

import pytest

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import Settings, option
from keras_resnet.utils.schema import parse

pytestmark = pytest.mark.unit


@dataclass(frozen=True)
class Part(Settings):
    count: int = option(1, "how many", low=1)
    rates: tuple[float, ...] = ()
    pair: tuple[int, int] = (1, 2)
    free: bool = False


@dataclass(frozen=True)
class Whole(Settings):
    name: str
    part: Part
    note: str | None = None


PART = {"count": 3, "rates": [0.5, 2], "pair": [3, 4], "free": True}
WHOLE = {"name": "a", "part": PART, "note": "b"}


def test_nested_dataclasses_are_read_and_lists_become_tuples():
    result = parse(Whole, WHOLE)
    assert result == Whole("a", Part(3, (0.5, 2.0), (3, 4), True), "b")
    assert isinstance(result.part, Part)
    assert isinstance(result.part.rates, tuple)
    assert [type(rate) for rate in result.part.rates] == [float, float]


def test_what_has_a_default_may_be_left_out():
    assert parse(Whole, {"name": "a", "part": {}}) == Whole("a", Part())
    assert parse(Whole, WHOLE | {"note": None}).note is None


def test_what_was_read_may_come_from_tuples_as_well():
    assert parse(Part, {"pair": (5, 6)}) == parse(Part, json.loads('{"pair": [5, 6]}'))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"part": PART | {"count": "3"}}, "part.count should be a valid integer; got '3'."),
        ({"part": PART | {"count": 3.0}}, "part.count should be a valid integer; got 3.0."),
        ({"part": PART | {"count": True}}, "part.count should be a valid integer; got True."),
        ({"part": PART | {"count": None}}, "part.count should be a valid integer; got None."),
        ({"part": PART | {"rates": 0.5}}, "part.rates should be a valid array; got 0.5."),
        ({"part": PART | {"rates": [1, "x"]}}, "part.rates.1 should be a valid number; got 'x'."),
        ({"part": PART | {"free": 1}}, "part.free should be a valid boolean; got 1."),
        ({"part": PART | {"pair": [1]}}, "part.pair.1 is missing."),
        (
            {"part": PART | {"pair": [1, 2, 3]}},
            "part.pair should have at most 2 items after validation, not 3; got [1, 2, 3].",
        ),
        ({"part": PART | {"counts": 3}}, "part.counts is unknown."),
        ({"part": [1]}, "part should be an object; got [1]."),
        ({"name": 3}, "name should be a valid string; got 3."),
        ({"name": None}, "name should be a valid string; got None."),
        ({"nmae": "a"}, "nmae is unknown."),
        # The dataclass itself says what is out of range.
        ({"part": PART | {"count": 0}}, "count must be a whole number of at least 1; got 0."),
    ],
)
def test_the_first_wrong_field_is_named(change, message):
    with pytest.raises(InputError) as caught:
        parse(Whole, WHOLE | change)
    assert str(caught.value) == message


def test_a_missing_field_is_named_with_what_was_read():
    with pytest.raises(InputError) as caught:
        parse(Whole, {"name": "a"}, "run.json")
    assert str(caught.value) == "run.json: part is missing."


@pytest.mark.parametrize("content", [[], None, 3])
def test_what_is_no_object_is_refused(content):
    with pytest.raises(InputError, match=r"^run\.json: the record should be an object; got "):
        parse(Whole, content, "run.json")
