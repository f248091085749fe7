"""Why a remote file cannot be fetched, as faults."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Fault
from modelspec.core.places import Address

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "hf": "huggingface_hub"}
_NOT_THERE = (404, 410)
_NOT_ALLOWED = (401, 403, 407)
_NETWORK = ("ClientConnectionError", "ClientPayloadError")
_ANSWERS = 100
"""The lowest HTTP status of an error."""


class NotFetched(Exception):
    """A redirect to a host that is not granted."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class NotWhole(Exception):
    """An answer that is neither an error nor a whole file: a part, or a redirect without a
    target.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def too_long(address: Address, size: int | None, most: int) -> Fault:
    """MS684: a server that sends more bytes than announced, or than the limit."""
    if size is not None:
        return Fault(
            "MS684",
            f"`{address}` sends more than the {size:,} bytes that its server announced",
            help="check the address",
        )
    return Fault(
        "MS684",
        f"`{address}` sends more than the {most:,} bytes that are available",
        help="check the address, or set MODELSPEC_REMOTE_CACHE to a larger number of GB",
    )


def missing_package(address: Address, error: ImportError) -> Fault:
    """MS686."""
    package = _PACKAGES.get(address.scheme)
    extra = "pip install 'modelspec[remote]'"
    if package is not None:
        extra += f" {package}"
    name = error.name or package or "fsspec"
    return Fault(
        "MS686",
        f"`{address}` requires the package `{name}`, which is not installed",
        help=f"`{extra}`",
    )


def failed(address: Address, error: BaseException) -> Fault:
    """The fault for an error of a file system: MS685 for a redirect, MS601 for a missing file,
    MS684 for anything else.
    """
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, NotFetched):
            return Fault(
                "MS685",
                f"`{address}` redirects to {one.host}, which is not allowed",
                help=f"if you trust both hosts, add `--data-root {one.host}/`"
                if _is_grantable(one.host)
                else "use the address of the file itself",
            )
    status = next((found for one in chain if (found := _status(one))), None)
    if status in _NOT_THERE or (status is None and _is_absent(address, chain)):
        return Fault("MS601", f"`{address}` does not exist")
    if status in _NOT_ALLOWED or any(isinstance(one, PermissionError) for one in chain):
        answer = f" (status {status})" if status else ""
        return Fault(
            "MS684",
            f"access to `{address}` is denied{answer}",
            help="provide credentials for its server, e.g. in environment variables",
        )
    said = f"its server returned status {status}" if status else _said(chain[-1])
    return Fault(
        "MS684",
        f"`{address}` cannot be fetched: {said}",
        help=(
            "check the address and the network; MODELSPEC_OFFLINE=1 uses"
            " the copy that was fetched last"
        ),
    )


def _is_grantable(host: str) -> bool:
    try:
        Address.parse(f"{host}/")
    except Fault:
        return False
    return True


def must_retry(error: BaseException) -> bool:
    """Whether a retry may succeed: the network failed, or the server had a temporary problem."""
    chain = list(_chain(error))
    if any(isinstance(one, (NotFetched, PermissionError)) for one in chain):
        return False
    status = next((found for one in chain if (found := _status(one))), None)
    if status is not None:
        return status == 429 or status >= 500
    return any(isinstance(one, (ConnectionError, TimeoutError)) or _of_web(one) for one in chain)


def _of_web(error: BaseException) -> bool:
    """Whether it is an error of aiohttp that means a network failure."""
    return any(kind.__name__ in _NETWORK for kind in type(error).__mro__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _status(error: BaseException) -> int | None:
    """The HTTP status of an error."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "status_code", "code"):
            found = getattr(holder, name, None)
            if isinstance(found, int) and found >= _ANSWERS:
                return found
    return None


def _is_absent(address: Address, chain: list[BaseException]) -> bool:
    """Whether an error means that the file does not exist. For a web server fsspec raises this
    error for any failure: its cause decides.
    """
    said = chain if address.scheme in ("http", "https") else chain[:1]
    return all(isinstance(one, FileNotFoundError) for one in said)


def _said(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0][:200] if lines else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
