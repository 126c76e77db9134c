import json
import sys
from importlib import import_module
from pkgutil import iter_modules

import pytest

import keras_resnet
from keras_resnet import export
from keras_resnet.utils.lazy import attach


def test_names_of_specs_bring_in_no_framework_and_builders_do(fresh_python):
    code = (
        "import json, sys, keras_resnet as k\n"
        "found = []\n"
        "for name in ('SPECS', 'Spec', 'cifar', 'macs', 'InputError', 'families', 'ResNet20'):\n"
        "    getattr(k, name)\n"
        "    found.append('keras' in sys.modules)\n"
        "print(json.dumps(found))"
    )
    said = fresh_python("-c", code, KERAS_BACKEND="numpy").stdout
    assert json.loads(said) == [*[False] * 6, True]


@pytest.mark.parametrize("package", [keras_resnet, export], ids=lambda package: package.__name__)
def test_every_public_name_is_there_and_listed(package):
    assert package.__all__ == sorted(set(package.__all__))
    assert {*package.__all__} <= {*dir(package)}
    for name in package.__all__:
        assert getattr(package, name) is not None


@pytest.mark.parametrize("package", [keras_resnet, export], ids=lambda package: package.__name__)
def test_no_name_is_a_function_first_and_later_the_module_of_that_name(package):
    modules = {module.name for module in iter_modules(package.__path__)}
    for name in modules & {*package.__all__}:
        assert getattr(package, name) is import_module(f"{package.__name__}.{name}")


def test_a_star_brings_in_all_public_names():
    names: dict = {}
    exec("from keras_resnet import *", names)
    assert {*keras_resnet.__all__} <= names.keys()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a module of two names, and one that is itself public."""
    folder = tmp_path / "lazy_example"
    (folder / "sub").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "sub" / "__init__.py").touch()
    (folder / "sub" / "letters.py").write_text("a, b, c = 1, 2, 3")
    (folder / "numbers.py").write_text("one = 1")
    monkeypatch.syspath_prepend(tmp_path)
    yield "lazy_example"
    for name in [name for name in sys.modules if name.split(".")[0] == "lazy_example"]:
        del sys.modules[name]


def test_modules_are_imported_when_their_names_are_used(package):
    get, listed, public = attach(package, {"sub.letters": ["b", "a"], "numbers": []})
    assert public == listed() == ["a", "b", "numbers"]
    assert f"{package}.sub.letters" not in sys.modules
    assert (get("a"), get("b")) == (1, 2)
    assert f"{package}.numbers" not in sys.modules
    assert get("numbers").one == 1


@pytest.mark.parametrize("name", ["c", "d", "letters", "sub"])
def test_other_names_are_none_of_the_package(package, name):
    get, *_ = attach(package, {"sub.letters": ["a", "b"], "numbers": []})
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute '{name}'"):
        get(name)
