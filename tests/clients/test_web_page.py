"""What builds the page of the web example, without a browser: whose files it touches."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit
WEB = Path(__file__).parents[2] / "examples" / "web"
SEVEN = Path(__file__).parents[1] / "data" / "digit_7.png"
RUNTIME = [
    "core/dist/index.js",
    "core/wasm/litert_wasm_compat_internal.js",
    "core/wasm/litert_wasm_compat_internal.wasm",
    "core/wasm/litert_wasm_internal.js",
    "core/wasm/litert_wasm_internal.wasm",
    "wasm-utils/dist/index.js",
]


@pytest.fixture
def web(tmp_path):
    """The example with packages that are empty."""
    folder = tmp_path / "web"
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(WEB, folder, ignore=ignored)
    for name in RUNTIME:
        path = folder / "node_modules/@litertjs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    sums = {}
    for name in ("model.tflite", "labels.txt", "framing.json"):
        (folder / name).write_text(name)
        sums[name] = hashlib.sha256(name.encode()).hexdigest()
    (folder / "run.json").write_text(json.dumps({"files": sums}))
    return folder


@pytest.fixture
def samples(tmp_path):
    """A picture, and what is none."""
    folder = tmp_path / "place" / "samples"
    folder.mkdir(parents=True)
    shutil.copy(SEVEN, folder / "7.png")
    (folder / "._7.png").write_text("of macOS")
    os.mkfifo(folder / "pipe.png")
    return folder


@pytest.fixture
def build(web, run):
    """Builds the page; returns what is said if that is refused."""

    def call(output, *flags):
        done = subprocess.run(
            [sys.executable, web / "serve.py", f"--run={run}", f"--output_dir={output}",
             "--build_only", *flags],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert done.returncode == bool(done.stderr)
        return done.stderr

    return call


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_a_page_is_built_and_replaced_when_the_next_one_is_whole(build, samples, tmp_path):
    page = tmp_path / "page"
    assert build(page, f"--samples={samples}") == ""
    assert {"index.html", "model.tflite", "runtime", "samples/7.png"} <= tree(page).keys()
    assert json.loads((page / "contents.json").read_text())["samples"] == ["7.png"]
    before = tree(page)
    assert build(page, f"--samples={page / 'samples'}") == ""  # its own
    assert tree(page) == before
    assert build(page) == ""
    assert not (page / "samples").exists()
    assert [path.name for path in tmp_path.glob(".partial-*")] == []


def test_pictures_are_not_removed_with_the_folder_that_they_are_in(build, samples):
    before = tree(samples.parent)
    said = build(samples.parent, f"--samples={samples}")
    assert "which is of no page that was built here: choose another --output_dir" in said
    assert tree(samples.parent) == before


@pytest.mark.parametrize("name", ["index.html", "contents.json", "samples/mine.png", "empty/"])
def test_what_is_of_somebody_else_stays(build, tmp_path, name):
    path = tmp_path / "mine" / name
    path.parent.mkdir(parents=True)
    path.mkdir() if name.endswith("/") else path.write_text('{"name": "x", "samples": []}')
    before = tree(tmp_path / "mine")
    assert "which is of no page" in build(tmp_path / "mine")
    assert tree(tmp_path / "mine") == before


def test_a_pipe_is_not_waited_for(build, tmp_path):
    (tmp_path / "mine").mkdir()
    os.mkfifo(tmp_path / "mine/contents.json")
    assert "holds 'contents.json', which is of no page" in build(tmp_path / "mine")


def test_a_page_with_something_of_somebody_else_stays(build, tmp_path, samples):
    page = tmp_path / "page"
    assert build(page, f"--samples={samples}") == ""
    (page / "samples/another.png").write_text("mine")
    before = tree(page)
    assert "holds 'samples/another.png'" in build(page)
    assert tree(page) == before


def test_a_run_folder_is_not_spoiled_and_a_file_no_folder(build, run, tmp_path):
    before = tree(run)
    assert "which is of no page" in build(run)
    assert tree(run) == before
    (tmp_path / "file").write_text("mine")
    assert "is no folder" in build(tmp_path / "file")


@pytest.mark.parametrize("name", ["model.tflite", "labels.txt", "framing.json"])
def test_files_that_are_not_those_of_the_record_are_not_delivered(build, run, tmp_path, name):
    (run / name).write_text("something else")
    assert f"{name}' is not the file that the run's run.json knows" in build(tmp_path / "page")
    for record in ("[" * 100_000, "{}", '{"files": 3}', '{"files": ["a"]}'):
        (run / "run.json").write_text(record)
        assert "is not the file that the run's run.json knows" in build(tmp_path / "page")
    (run / "run.json").unlink()
    os.mkfifo(run / "run.json")
    assert "is not the file that the run's run.json knows" in build(tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_page_that_cannot_be_built_leaves_the_former_one(build, run, tmp_path, web):
    page = tmp_path / "page"
    assert build(page) == ""
    before = tree(page)
    (web / "page.css").unlink()
    assert "No such file" in build(page)
    assert tree(page) == before
    assert not list(tmp_path.glob(".partial-*"))
