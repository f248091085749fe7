"""The page over HTTP, on the loopback interface only: the standard library is enough for one
reader.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final

from modelspec.core.loopback import is_own_host

from .watch import Watch

ADDRESS: Final = "127.0.0.1"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGES: Final = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
_SILENCE: Final = 10.0
"""Seconds between two messages to a page that has nothing new; they show that it is still open."""


@contextmanager
def serving(watch: Watch, port: int) -> Iterator[str]:
    """The page is served inside this context, at the URL that it gives. Port 0 selects a free one.
    Raises `OSError` if the port is in use.
    """
    server = _Server((ADDRESS, port), _Handler)
    server.watch = watch
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="page")
    thread.start()
    try:
        yield f"http://{ADDRESS}:{server.server_address[1]}"
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an open page waits for events until its next message

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.watch: Watch
        self.ended = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Does nothing: a page may be closed in the middle of an answer."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "modelspec"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer a request of the page."""
        path = self.path.partition("?")[0]
        if not is_own_host(self.headers.get("Host", "")):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "only requests for this machine")
        elif path in _PAGES:
            name, kind = _PAGES[path]
            self._answer(files(__package__).joinpath(name).read_bytes(), kind)
        elif path == "/view.json":
            revision, found = self.server.watch.current()
            self._answer(json.dumps(found.as_json(revision)).encode(), "application/json")
        elif path == "/picture.svg":
            self._picture()
        elif path == "/events":
            self._events()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _picture(self) -> None:
        model = self.server.watch.current()[1].model
        if model is None or model.svg is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._answer(
                model.svg, "image/svg+xml; charset=utf-8", policy="style-src 'unsafe-inline'"
            )

    def _answer(self, content: bytes, kind: str, policy: str = _POLICY) -> None:
        self._begin(kind, policy)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _begin(self, kind: str, policy: str = _POLICY) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")

    def _events(self) -> None:
        """The number of each new state, as server-sent events, until the page is closed."""
        self._begin("text/event-stream")
        self.end_headers()
        revision = 0
        while not self.server.ended.is_set():
            found = self.server.watch.after(revision, _SILENCE)
            message = f"data: {found}\n\n" if found != revision else ": open\n\n"
            revision = found
            try:
                self.wfile.write(message.encode())
            except OSError:
                return

    def log_message(self, *arguments: Any) -> None:
        """Requests are not logged: the command prints only what its user asked for."""
