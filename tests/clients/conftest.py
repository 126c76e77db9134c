"""What programs a test needs, with `CI_CLIENTS=1` none may be missing; and a browser."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

WEB = Path(__file__).parents[2] / "examples" / "web"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    names = [name for marker in item.iter_markers("needs") for name in marker.args]
    missing = [name for name in names if not shutil.which(name)]
    if missing:
        stop = pytest.fail if os.environ.get("CI_CLIENTS") == "1" else pytest.skip
        stop(f"{', '.join(missing)} must be installed")


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """LiteRT.js and what drives the browser, installed once as the lock file says."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "npm.lock"):  # of two processes
        if not (WEB / "node_modules" / "playwright-core").exists():
            subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=WEB, check=True)
    return WEB / "package.json"


@pytest.fixture(scope="session")
def browse(packages):
    """Runs a script of `browser/` with some settings: what a user of a page sees."""

    def call(script, **settings):
        settings |= {"packages": str(packages), "chromium": shutil.which("chromium")}
        done = subprocess.run(
            ["node", Path(__file__).parent / "browser" / script, json.dumps(settings)],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call
