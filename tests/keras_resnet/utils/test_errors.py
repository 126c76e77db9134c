import pytest

from keras_resnet.utils.errors import InputError, lookup

pytestmark = pytest.mark.unit


def test_a_known_key_gives_its_row():
    assert lookup({"a": 1}, "a", "letter") == 1


def test_an_unknown_key_is_named_with_the_nearest_and_all_legal_ones():
    with pytest.raises(InputError) as caught:
        lookup({"resnet20": 1, "resnet50": 2}, "resnt20", "model")
    assert str(caught.value) == (
        "unknown model 'resnt20': did you mean 'resnet20'? Choose one of resnet20, resnet50."
    )


def test_nothing_is_suggested_where_nothing_is_near():
    with pytest.raises(ValueError, match=r"^unknown model 'zzz'\. Choose one of resnet20\.$"):
        lookup({"resnet20": 1}, "zzz", "model")
