"""What programs a test needs; with `CI_CLIENTS=1` none may be missing."""

import os
import shutil

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    names = [name for marker in item.iter_markers("needs") for name in marker.args]
    missing = [name for name in names if not shutil.which(name)]
    if missing:
        stop = pytest.fail if os.environ.get("CI_CLIENTS") == "1" else pytest.skip
        stop(f"{', '.join(missing)} must be installed")
