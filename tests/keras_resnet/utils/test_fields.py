import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from keras_resnet import InputError, Spec
from keras_resnet.utils.fields import check, check_path, option

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
        (
            Settings(count=2**31),
            "count must be a whole number from 1 to 2147483647; got 2147483648",
        ),
        (Settings(count=float("inf")), "count must be a whole number of at least 1; got inf"),
        (Settings(free=3), "free must be a text; got 3"),
        (Settings(share=1.1), r"share must be a number from 0 to 1; got 1\.1"),
        (Settings(share=float("nan")), "share must be a number from 0 to 1; got nan"),
        (Settings(share="1"), "share must be a number from 0 to 1; got '1'"),
        (Settings(kind="c"), "unknown kind 'c'"),
    ],
)
def test_others_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        check(settings)


def test_paths_of_functions(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert check_path("path", "~/x") == check_path("path", Path("~/x")) == Path("/home/me/x")
    for wrong, message in (("", "must be a path"), ("~no_such_user/x", "is of no user here")):
        with pytest.raises(InputError, match=message):
            check_path("path", wrong)
    with pytest.raises(TypeError, match="path must be a path; got 3"):
        check_path("path", 3)


def test_numpys_scalars_become_pythons():
    settings = Settings(count=np.int64(2), share=np.float32(0.25), free=np.str_("y"))
    check(settings)
    assert [type(value) for value in asdict(settings).values()] == [int, float, str, str]
    spec = Spec(
        blocks=(np.int64(1),) * 3, classes=np.uint8(7), zero_gamma=np.False_, dropout=np.float64(0)
    )
    assert spec == Spec(blocks=(1, 1, 1), classes=7)
    assert json.loads(json.dumps(asdict(spec)))["classes"] == 7
