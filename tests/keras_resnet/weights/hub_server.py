"""A server on the loopback that speaks the HTTP of the Hugging Face Hub, as far as downloads need.

What it says is in the headers that `huggingface_hub.file_download` reads.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = hashlib.sha1(b"a commit").hexdigest()


def _handler(root: Path, log: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, with_body: bool) -> None:
            log.append(f"{self.command} {self.path}")
            parts = self.path.strip("/").split("/", 4)
            if len(parts) < 5 or parts[2] != "resolve":
                return self._refuse(404, "NotFound")
            owner, name, _, revision, file = parts
            repository = root / owner / name
            if not repository.is_dir():
                return self._refuse(404, "RepoNotFound")
            if revision not in ("main", "v1", COMMIT):
                return self._refuse(404, "RevisionNotFound")
            if not (repository / file).is_file():
                return self._refuse(404, "EntryNotFound")
            content = (repository / file).read_bytes()
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            # Large files have their SHA-256, as in Git LFS; others Git's own.
            digest = hashlib.sha256 if file.endswith(".safetensors") else hashlib.sha1
            self.send_header("ETag", f'"{digest(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content)
            return None

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_HEAD(self) -> None:
            self._answer(False)

        def do_GET(self) -> None:
            self._answer(True)

        def log_message(self, *_) -> None:
            """Nothing on stderr."""

    return Handler


@contextmanager
def serve(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Serves `root/OWNER/NAME/*` as repositories; yields the address, and what is asked for."""
    log: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(root, log)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", log
        server.shutdown()
