"""Builds the web page for a run folder and serves it.

`python examples/web/serve.py --run=saved_models/NAME`, or `make web RUN=saved_models/NAME`.
Standard library only.
"""

import argparse
import contextlib
import functools
import json
import shutil
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
HOST = "127.0.0.1"
PAGE = ["index.html", "page.css", "page.js", "classifier.js", "icon.svg"]
RUN = ["model.tflite", "labels.txt"]
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
    """Copies all that the page needs into one folder, which any web server can serve."""
    for name in RUN:
        if not (run / name).is_file():
            raise InputError(f"{str(run)!r} has no {name}: give a finished run of train.cifar.")
    if not all(path.is_file() for path in RUNTIME.values()):
        raise InputError(f"LiteRT.js is not installed: run `npm ci` in {str(HERE)!r}.")
    sources = (
        {name: HERE / name for name in PAGE}
        | {name: run / name for name in RUN}
        | {f"runtime/{name}": path for name, path in RUNTIME.items()}
        | {f"samples/{path.name}": path for path in samples}
    )
    shutil.rmtree(output / "samples", ignore_errors=True)  # of the page before
    for name, source in sources.items():
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    contents = {"name": run.resolve().name, "samples": [path.name for path in samples]}
    (output / "contents.json").write_text(json.dumps(contents))


def pictures(folder: Path) -> list[Path]:
    """The first pictures of a folder, by name."""
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is not a folder: give one with pictures.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
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
    parser.add_argument(
        "--run", type=Path, required=True, help="run folder, as train.cifar left it"
    )
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
