import pytest

from keras_resnet import InputError
from train import workers

ALL = {workers.NAME: "worker0", workers.HOST: "127.0.0.1", workers.PORT: "8000"}


@pytest.mark.parametrize(
    ("name", "role"), [("worker0", "worker"), ("chief", "chief"), (None, "alone")]
)
def test_the_name_says_what_a_process_is(name, role, monkeypatch):
    for key, value in ALL.items():
        if name:
            monkeypatch.setenv(key, name if key == workers.NAME else value)
        else:
            monkeypatch.delenv(key, raising=False)
    assert workers.role() == role


@pytest.mark.parametrize(
    ("name", "value"), [(workers.PORT, None), (workers.HOST, ""), (workers.PORT, "http")]
)
def test_a_variable_that_is_missing_or_wrong_is_named(name, value, monkeypatch):
    for key, usual in (ALL | {name: value}).items():
        if usual is None:
            monkeypatch.delenv(key, raising=False)
        else:
            monkeypatch.setenv(key, usual)
    with pytest.raises(InputError, match=f"{name} is {value!r}: a search with many workers needs"):
        workers.role()
