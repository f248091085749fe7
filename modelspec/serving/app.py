"""The routes: `POST /predict`, `GET /health`, `GET /schema`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from threading import Event

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import modelspec
from modelspec.core.loopback import is_own_host

from .limits import Limits, Refused, too_large
from .openapi import document
from .questions import CSV, JSON, Kind, Question, kind_of, options_of
from .service import Service, refusal

_log = logging.getLogger("modelspec.serving")
Answering = Callable[[Request], Awaitable[Response]]


def application(service: Service, name: str, *, loopback: bool) -> Starlette:
    """The ASGI application of a loaded run called `name`. With `loopback` it answers only requests
    for `localhost`, `127.0.0.1` and `[::1]`: a page of another site whose name resolves to this
    machine (DNS rebinding) sends its own name.
    """
    run = service.run
    schema = document(name, run.compiled, service.state, service.example, service.limits)

    async def predict(request: Request) -> Response:
        return await _predict(service, request)

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "run": name, "version": modelspec.__version__})

    async def show(request: Request) -> Response:
        return JSONResponse(schema)

    routes = [
        Route(path, _guarded(answer, loopback=loopback), methods=[method])
        for method, path, answer in (
            ("POST", "/predict", predict),
            ("GET", "/health", health),
            ("GET", "/schema", show),
        )
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_route})


def _guarded(answer: Answering, *, loopback: bool) -> Answering:
    """Adds a check of the `Host`, and an error message for refused and failed requests."""

    async def guarded(request: Request) -> Response:
        host = request.headers.get("host", "")
        if loopback and not is_own_host(host):
            said = f"this server answers only requests for localhost, not for `{host[:100]}`"
            return JSONResponse({"error": said}, 421)
        try:
            return await answer(request)
        except Refused as refused:
            headers = {} if refused.retry is None else {"Retry-After": str(refused.retry)}
            return JSONResponse(refusal(refused), refused.status, headers)
        except ClientDisconnect:
            return Response(status_code=400)  # the client is gone
        except Exception:  # noqa: BLE001  # the last resort: logged for the operator
            _log.exception("a request failed")
            return JSONResponse({"error": "the server failed; see its log"}, 500)

    return guarded


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = (
        "use POST /predict, GET /health or GET /schema"
        if error.status_code in (404, 405)
        else error.detail
    )
    return JSONResponse({"error": said}, error.status_code, error.headers)


async def _predict(service: Service, request: Request) -> Response:
    """The predictions of one request, within its time limit. Raises `Refused`."""
    accepted = request.headers.get("accept", "").lower()
    answer: Kind = CSV if CSV in accepted and JSON not in accepted else JSON
    kind = kind_of(
        request.headers.get("content-type", ""), request.headers.get("content-encoding", "")
    )
    options = options_of(request.query_params.multi_items())
    stop, work = Event(), None
    service.worker.enter()
    try:
        async with asyncio.timeout(service.limits.seconds):
            body = await _body(request, service.limits)
            question = Question(body, kind, answer, options)
            work = service.worker.submit(partial(service.answer, question, stop))
            found = await asyncio.wrap_future(work)
    except TimeoutError:
        raise _too_late(service.limits, work) from None
    finally:
        stop.set()  # a cancelled request ends at its next batch
        service.worker.leave(work)
    kinds = {JSON: JSON, CSV: f"{CSV}; charset=utf-8"}
    return Response(found, media_type=kinds[answer])


def _too_late(limits: Limits, work: Future[bytes] | None) -> Refused:
    what = "the body was not received" if work is None else "the request was not answered"
    return Refused.of(
        503,
        "MS782",
        f"{what} within {limits.seconds:g} seconds",
        "send fewer rows at a time, or start the server with a longer `--timeout`",
    )


async def _body(request: Request, limits: Limits) -> bytes:
    """The body. Raises `Refused` (413, MS782)."""
    stated = request.headers.get("content-length", "")
    found = bytearray()
    if not (stated.isdecimal() and int(stated) > limits.bytes):
        async for part in request.stream():
            found += part
            if len(found) > limits.bytes:
                break
        else:
            return bytes(found)
    raise too_large(
        f"the body has more than {limits.bytes:,} bytes",
        "send fewer rows at a time, or start the server with a larger `--max-bytes`",
    )
