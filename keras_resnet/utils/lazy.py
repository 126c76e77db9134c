"""Imports public names when they are first used (PEP 562). Standard library only."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def attach(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """The `__getattr__`, `__dir__` and `__all__` of a package whose modules are slow to import.

    Args:
        package: Its name.
        modules: By name of a module in the package, the names that the package offers of it; a
            module that offers none is itself public.
    """
    homes = {name: module for module, names in modules.items() for name in names}
    public = sorted({*homes, *(module for module, names in modules.items() if not names)})

    def get(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        if name in public:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: public, public
