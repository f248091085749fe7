"""`modelspec serve RUN`: serves predictions over HTTP, for testing and continuous integration."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import click

from ..examples import examples
from ..failures import failures
from ..options import data_root_option, plugin_option
from ..output import report, write
from ..run_argument import run_argument

ORDER = 95
_REQUIRED = ("starlette", "uvicorn")


@click.command(
    epilog=examples(
        "modelspec serve last",
        "modelspec serve runs/churn/3 --port 0",
        "curl -H 'Content-Type: application/json' localhost:8000/predict \\",
        '     -d \'{"rows": [{"age": 31, "plan": "basic"}]}\'',
        "curl -H 'Content-Type: text/csv' -H 'Accept: text/csv' localhost:8000/predict \\",
        "     --data-binary @new.csv",
    )
)
@run_argument
@data_root_option
@plugin_option
@click.option(
    "--host",
    metavar="HOST",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on. The server has no authentication: on another address than that"
    " of this machine, everyone who reaches it can use it.",
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="The port to listen on; 0 selects a free one.",
)
@click.option(
    "--max-bytes",
    metavar="N",
    type=click.IntRange(min=1),
    default=10_000_000,
    show_default=True,
    help="The largest request body, in bytes.",
)
@click.option(
    "--max-rows",
    metavar="N",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="The most rows per request.",
)
@click.option(
    "--max-requests",
    metavar="N",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="The most requests in progress or waiting.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True, max=86_400),
    default=30.0,
    show_default=True,
    help="The time limit of a request, including waiting.",
)
@click.option("--verbose", is_flag=True, help="Log each request to standard error.")
def command(
    run: Path,
    host: str,
    port: int,
    max_bytes: int,
    max_rows: int,
    max_requests: int,
    timeout: float,
    verbose: bool,
) -> None:
    """Serve predictions over HTTP, for testing and CI.

    Loads the run folder RUN (or `last`) once and answers `POST /predict` with the result of
    `modelspec predict` for the same rows, in JSON or CSV. `GET /schema` is an OpenAPI document with
    the columns, `GET /health` reports that the server is running. Computes one request at a time.
    For production, export the run and use TensorFlow Serving.

    Ctrl-C or SIGTERM ends the server after the requests in progress; the exit status is then 0.
    """
    if any(find_spec(name) is None for name in _REQUIRED):
        raise click.UsageError(
            'serving requires Starlette and uvicorn: pip install "modelspec[serve]"'
        )
    with failures():
        from modelspec.core.loopback import LOOPBACK
        from modelspec.serving import server
        from modelspec.serving.limits import Limits
        from modelspec.serving.service import load

        listening = server.listen(host, port)
        with listening:
            service = load(run, Limits(max_bytes, max_rows, timeout, max_requests))
            if service.warnings:
                report(service.warnings, sys.stderr)
            if host not in LOOPBACK:
                write(
                    f"warning: everyone who reaches {host} can request predictions: the server has"
                    " neither authentication nor encryption",
                    sys.stderr,
                )
            made = server.server_of(service, str(run), host, verbose=verbose)
            write(f"{run} at {server.address(host, listening)}; Ctrl-C stops it")
            server.serve(made, service, listening)
