"""Builds the web page for a run folder and serves it.

`python examples/web/serve.py --run=saved_models/NAME`, or `make web RUN=saved_models/NAME`.
Standard library only.
"""

import argparse
import contextlib
import functools
import hashlib
import json
import shutil
import sys
import tempfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
HOST = "127.0.0.1"
PAGE = ["index.html", "page.css", "page.js", "classifier.js", "framing.js", "icon.svg"]
RUN = ["model.tflite", "labels.txt", "framing.json"]
LITERT = HERE / "node_modules" / "@litertjs"
RUNTIME = {
    "core.js": LITERT / "core/dist/index.js",
    "wasm-utils.js": LITERT / "wasm-utils/dist/index.js",
    # A browser loads one pair: the second one if it lacks relaxed SIMD.
    **{
        name: LITERT / "core/wasm" / name
        for stem in ("litert_wasm_internal", "litert_wasm_compat_internal")
        for name in (f"{stem}.js", f"{stem}.wasm")
    },
}
PICTURES = {".png", ".jpg", ".jpeg", ".webp"}
MOST_SAMPLES = 12
CONTENTS = "contents.json"  # of the page: its name, its samples, and all of its files


class InputError(ValueError):
    """What the user gave cannot work; the message says why and what to do."""


class Handler(SimpleHTTPRequestHandler):
    """Serves files with the types browsers insist on, never an old one, and logs errors only."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def handle(self):
        """Serves one connection; a browser that hangs up is no error."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def end_headers(self):
        """Ends the headers with one more."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_request(self, code="-", size="-"):
        """Keeps quiet."""


def build(run: Path, samples: list[Path], output: Path) -> None:
    """Copies all that the page needs into one folder, which any web server can serve.

    The folder is made beside, and takes the place of a former page when it is whole.
    """
    for name in RUN:
        if not (run / name).is_file():
            raise InputError(
                f"{str(run)!r} has no {name}: give a finished run, or train.export it."
            )
    if not all(path.is_file() for path in RUNTIME.values()):
        raise InputError(f"LiteRT.js is not installed: run `npm ci` in {str(HERE)!r}.")
    check_run(run)
    output = output.resolve()
    check_output(output)
    sources = (
        {name: HERE / name for name in PAGE}
        | {name: run / name for name in RUN}
        | {f"runtime/{name}": path for name, path in RUNTIME.items()}
        | {f"samples/{path.name}": path for path in samples}
    )
    contents = {
        "name": run.resolve().name,
        "samples": [path.name for path in samples],
        "files": sorted([*sources, CONTENTS]),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".partial-") as scratch:
        page = Path(scratch, "page")
        for name, source in sources.items():
            target = page / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        (page / CONTENTS).write_text(json.dumps(contents))
        swap(page, output, Path(scratch, "former"))


def check_run(run: Path) -> None:
    """Compares the files of a run with the checksums in its record."""
    record = run / "run.json"
    try:
        sums = dict(json.loads(record.read_bytes())["files"]) if record.is_file() else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        sums = {}
    for name in RUN:
        if hashlib.sha256((run / name).read_bytes()).hexdigest() != sums.get(name):
            raise InputError(
                f"{str(run / name)!r} is not the file that the run's run.json knows: give a "
                "finished run, or export it again."
            )


def check_output(output: Path) -> None:
    """Refuses a folder that holds anything but a page that was built here."""
    if not output.exists():
        return
    if not output.is_dir():
        raise InputError(f"{str(output)!r} is no folder: choose another --output_dir.")
    known = of_page(output)
    found = (path.relative_to(output).as_posix() for path in output.rglob("*"))
    foreign = next((name for name in found if name not in known), None)
    if foreign:
        raise InputError(
            f"{str(output)!r} holds {foreign!r}, which is of no page that was built here: choose "
            "another --output_dir."
        )


def of_page(output: Path) -> set[str]:
    """The files and folders of the page in a folder, as it says itself; empty if it is none."""
    contents = output / CONTENTS
    try:
        files = json.loads(contents.read_bytes())["files"] if contents.is_file() else []
        return {*files, *(folder.as_posix() for file in files for folder in Path(file).parents)}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()


def swap(page: Path, output: Path, former: Path) -> None:
    """Puts a page in its place; a former one goes elsewhere."""
    if output.exists():
        output.rename(former)
    try:
        page.rename(output)
    except OSError:
        if former.exists():
            former.rename(output)
        raise


def pictures(folder: Path) -> list[Path]:
    """The first pictures of a folder, by name."""
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is not a folder: give one with pictures.")
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURES and path.is_file() and not path.name.startswith(".")
    )
    if not found:
        raise InputError(f"{str(folder)!r} has no {', '.join(sorted(PICTURES))} files.")
    return found[:MOST_SAMPLES]


def serve(folder: Path, port: int) -> None:
    """Serves a folder until Ctrl-C."""
    try:
        server = ThreadingHTTPServer((HOST, port), functools.partial(Handler, directory=folder))
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot use port {port} ({error}): choose another, --port=8001."
        ) from None
    with server:
        print(f"http://{HOST}:{server.server_port} (Ctrl-C ends)", flush=True)
        server.serve_forever()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--run", type=Path, required=True, help="run folder, as a training left it")
    parser.add_argument("--samples", type=Path, help="folder of pictures to offer on the page")
    parser.add_argument("--output_dir", type=Path, default=HERE / "dist", help="where to build")
    parser.add_argument("--build_only", action="store_true", help="build, do not serve")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    flags = parser.parse_args()
    build(flags.run, pictures(flags.samples) if flags.samples else [], flags.output_dir)
    if not flags.build_only:
        serve(flags.output_dir, flags.port)


if __name__ == "__main__":
    try:
        main()
    except (InputError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print()
