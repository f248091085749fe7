"""The socket, uvicorn, and the end of the server."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from modelspec.core.loopback import LOOPBACK
from modelspec.runtime.data import RunError

from .app import application
from .service import Service


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 selects a free one. Raises `RunError` (MS780)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise RunError.of(
            "MS780",
            f"the server cannot listen on {host}, port {port}: {error.strerror or error}",
            help="`--port 0` selects a free port",
        ) from None


def address(host: str, listening: socket.socket) -> str:
    """The URL of the server: `http://127.0.0.1:8000`."""
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_of(service: Service, name: str, host: str, *, verbose: bool = False) -> uvicorn.Server:
    """A server that `run(sockets=[...])` starts. `verbose` logs each request to standard error."""
    app = application(service, name, loopback=host in LOOPBACK)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=_logging(),
        log_level="info" if verbose else "warning",
        access_log=verbose,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(service.limits.seconds) + 1,
    )
    return uvicorn.Server(config)


def _logging() -> dict[str, Any]:
    """uvicorn's logs, all on standard error."""
    found: dict[str, Any] = deepcopy(LOGGING_CONFIG)
    found["handlers"]["access"]["stream"] = "ext://sys.stderr"
    return found


def serve(server: uvicorn.Server, service: Service, listening: socket.socket) -> None:
    """Serves until SIGINT or SIGTERM, then answers the requests in progress."""
    with _ended_by_signals(server):
        server.run(sockets=[listening])
    service.worker.close()


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Handles the signal that uvicorn raises again after it has ended."""

    def end(number: int, frame: Any) -> None:
        server.should_exit = True

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
