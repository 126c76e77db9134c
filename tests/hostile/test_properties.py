"""Whatever stands in a record, a flag or a list: it is legal, or one sentence says why not."""

from dataclasses import asdict, fields, replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from keras_resnet import InputError, Spec, families
from keras_resnet.utils.labels import check_labels, lines, read_lines
from keras_resnet.utils.schema import parse
from tests.hostile.bounded import is_sentence
from train import cifar, export, tune
from train.runs.record import RunRecord
from train.search import space
from train.settings.recipe import Recipe

pytestmark = pytest.mark.unit
settings.register_profile(
    "quick",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
)
settings.load_profile("quick")

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner)
)
RECORD = {
    "status": "finished",
    "model": "x",
    "network": families.to_json(Spec()),
    "recipe": asdict(Recipe()),
    "data": {"name": "x", "image_size": 32, "sha256": ""},
}


def legal(call):
    """What a call returns; `None` if it refuses, in a sentence."""
    try:
        return call()
    except (InputError, TypeError) as error:
        assert is_sentence(str(error)), error
        return None


@given(st.data(), JSON)
def test_a_record_with_any_field_changed_is_read_or_refused(data, value):
    key = data.draw(st.sampled_from([*RECORD, "seconds", "test", "other"]))
    legal(lambda: parse(RunRecord, RECORD | {key: value}, "run.json"))


@given(JSON)
def test_any_json_is_a_record_or_refused(content):
    assert legal(lambda: parse(RunRecord, content, "run.json")) is None


@pytest.mark.parametrize("kind", [Spec, Recipe])
@given(data=st.data(), value=JSON | st.tuples(st.integers(), st.integers()))
def test_settings_are_within_their_limits_and_come_back_from_json(kind, data, value):
    name = data.draw(st.sampled_from([field.name for field in fields(kind)]))
    made = legal(lambda: replace(kind(), **{name: value}))
    if made is None:
        return
    assert parse(kind, asdict(made)) == made
    rules = {field.name: field.metadata for field in fields(kind)}[name]
    found = getattr(made, name)
    if "low" in rules:
        values = found if isinstance(found, tuple) else (found,)
        assert all(rules["low"] <= each <= rules["high"] for each in values)
    if "choices" in rules:
        assert found in rules["choices"]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_network_comes_back_from_its_record(blocks):
    spec = Spec(blocks=tuple(blocks), widths=(16,) * len(blocks))
    assert families.from_json(families.to_json(spec)) == spec


@pytest.mark.parametrize("command", [cifar, export, tune])
@given(data=st.data(), text=st.text(max_size=30))
def test_any_text_of_a_flag_is_read_or_refused(command, data, text):
    name = data.draw(st.sampled_from(list(command.COMMAND.flags)))
    values = legal(lambda: command.COMMAND.parse([f"--{name}={text}"]))
    if values is not None and name in {field.name for field in fields(Recipe)}:
        legal(lambda: replace(Recipe(), **values.given(Recipe)))


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6))
def test_a_list_is_read_as_it_is_written(numbers):
    text = ",".join(map(str, numbers))
    assert cifar.COMMAND.parse([f"--blocks={text}"]).blocks == tuple(numbers)


@given(st.sampled_from([field.name for field in space.searchable()]), st.text("0123456789.:,/e-ab"))
def test_any_text_of_a_search_space_is_read_or_refused(name, text):
    found = legal(lambda: space.parse(Spec(), Recipe(), {name: text}))
    assert found is None or found.searched


@given(st.lists(st.text(max_size=9), max_size=5))
def test_labels_that_are_taken_come_back(labels):
    if legal(lambda: check_labels(labels, len(labels)) or True) and labels:
        assert read_lines(lines(labels)) == labels
