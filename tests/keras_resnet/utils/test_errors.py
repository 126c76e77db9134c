import pytest

from keras_resnet.utils.errors import (
    InputError,
    check_type,
    contrast,
    lookup,
    sentence,
    shorten,
)

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


def test_two_lists_are_shortened_so_that_one_sees_where_they_differ():
    assert contrast("abcd", "abxd", 3) == ("a, b, c and 1 more", "a, b, x and 1 more")
    assert contrast("abcd", "abcx", 3) == (
        "3 equal names and then d",
        "3 equal names and then x",
    )
    assert contrast("abcde", "abc", 3) == (
        "3 equal names and then d, e",
        "3 equal names and then no more",
    )


@pytest.mark.parametrize(
    "value", ["x" * 5000, ["x" * 5000] * 50, {"a": "b" * 5000}, 9**4000, "a\nb", b"x" * 5000]
)
def test_a_value_takes_a_line_however_long_it_is(value):
    assert len(shorten(value)) < 400
    assert "\n" not in shorten(value)


def test_a_short_value_is_whole():
    assert shorten("ab") == "'ab'"
    assert shorten((1, None, 2.5)) == "(1, None, 2.5)"


def test_a_message_has_no_word_that_no_screen_has_room_for():
    path = "/tmp/" + "x" * 5000 + "/run.json"
    said = str(InputError(f"no {path}: it is gone."))
    assert said.startswith("no /tmp/xxx")
    assert said.endswith("/run.json: it is gone.")
    assert len(said) < 400
    with pytest.raises(InputError) as caught:
        lookup({"a": 1}, "x" * 5000, "letter")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{function_node __wrapped__RestoreV2_device_/CPU:0}} no disk. [Op:RestoreV2]", "no disk"),
        (
            "Graph execution error:\n\nDetected at node conv1 defined at (most recent call last):\n"
            '  File "a.py", line 3, in main\n\nmatrix is singular\n\t [[{{node conv1}}]] [Op:f]',
            "matrix is singular",
        ),
        ("bad magic\nnumber", "bad magic"),
        ("", "ValueError"),
    ],
)
def test_of_another_librarys_error_its_sentence_is_shown(text, expected):
    assert sentence(ValueError(text)) == expected


def test_a_wrong_type_is_named():
    check_type("model", 3, int, "a number")
    with pytest.raises(TypeError, match=r"^model must be a number; got 'abc'\.$"):
        check_type("model", "abc", int, "a number")
