from dataclasses import dataclass

import pytest

from keras_resnet import InputError
from keras_resnet.utils.fields import check, option

pytestmark = pytest.mark.unit


@dataclass
class Settings:
    count: int = option(3, "how many", low=1)
    share: float = option(0.5, "how much", low=0, high=1)
    kind: str = option("a", "which", choices={"a": 1, "b": 2})
    free: str = option("x", "anything")


def test_legal_settings_pass():
    check(Settings())
    check(Settings(count=1, share=1, kind="a"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(count=0), "count must be a whole number of at least 1; got 0"),
        (Settings(count=2.0), r"count must be a whole number of at least 1; got 2\.0"),
        (Settings(count=True), "count must be a whole number of at least 1; got True"),
        (Settings(count=2**31), "count must be"),
        (Settings(share=1.1), r"share must be a number from 0 to 1; got 1\.1"),
        (Settings(share=float("nan")), "share must be a number from 0 to 1; got nan"),
        (Settings(share="1"), "share must be a number from 0 to 1; got '1'"),
        (Settings(kind="c"), "unknown kind 'c'"),
    ],
)
def test_others_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        check(settings)
