"""What keeps a remote file from being fetched, in our words."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Fault
from modelspec.core.places import Address

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "hf": "huggingface_hub"}
_NOT_THERE = (404, 410)
_NOT_ALLOWED = (401, 403, 407)
_NETWORK = ("ClientConnectionError", "ClientPayloadError")
_ANSWERS = 100
"""The lowest status of HTTP."""


class NotFetched(Exception):
    """A redirect to a host that is not granted."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class NotWhole(Exception):
    """An answer that is neither an error nor a whole file: a part, or a redirect to nowhere."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def too_long(address: Address, size: int | None, most: int) -> Fault:
    """MS684: what sends more than it announced, or than there is room for."""
    if size is not None:
        return Fault(
            "MS684",
            f"`{address}` sends more than the {size:,} bytes that its server announced",
            help="look whether the address is right",
        )
    return Fault(
        "MS684",
        f"`{address}` sends more than the {most:,} bytes that there is room for",
        help="look whether the address is right, or let MODELSPEC_REMOTE_CACHE be larger, in GB",
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
        f"`{address}` is read with the package `{name}`, which is not installed",
        help=f"`{extra}`",
    )


def failed(address: Address, error: BaseException) -> Fault:
    """The fault of an error of a file system: MS685 for a redirect, MS601 where there is no file,
    MS684 for anything else.
    """
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, NotFetched):
            return Fault(
                "MS685",
                f"`{address}` leads on to {one.host}, which is not granted",
                help=f"if you trust both, give `--data-root {one.host}/` too"
                if _is_grantable(one.host)
                else "write the address of the file itself",
            )
    status = next((found for one in chain if (found := _status(one))), None)
    if status in _NOT_THERE or (status is None and _is_absent(address, chain)):
        return Fault("MS601", f"there is no file `{address}`")
    if status in _NOT_ALLOWED or any(isinstance(one, PermissionError) for one in chain):
        answer = f" (status {status})" if status else ""
        return Fault(
            "MS684",
            f"`{address}` may not be read{answer}",
            help="give the credentials that its server takes, e.g. in the environment",
        )
    said = f"its server answers with status {status}" if status else _said(chain[-1])
    return Fault(
        "MS684",
        f"`{address}` cannot be fetched: {said}",
        help=(
            "look whether the address is right and the network is there; MODELSPEC_OFFLINE=1 uses"
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
    """Whether another try may succeed: the network failed, or the server for a while."""
    chain = list(_chain(error))
    if any(isinstance(one, (NotFetched, PermissionError)) for one in chain):
        return False
    status = next((found for one in chain if (found := _status(one))), None)
    if status is not None:
        return status == 429 or status >= 500
    return any(isinstance(one, (ConnectionError, TimeoutError)) or _of_web(one) for one in chain)


def _of_web(error: BaseException) -> bool:
    """Whether it is one of aiohttp's that says that the network failed."""
    return any(kind.__name__ in _NETWORK for kind in type(error).__mro__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and what it was raised from."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _status(error: BaseException) -> int | None:
    """The status of HTTP that an error holds."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "status_code", "code"):
            found = getattr(holder, name, None)
            if isinstance(found, int) and found >= _ANSWERS:
                return found
    return None


def _is_absent(address: Address, chain: list[BaseException]) -> bool:
    """Whether an error says that there is no file. For a web server fsspec says so of any failure:
    what caused it decides.
    """
    said = chain if address.scheme in ("http", "https") else chain[:1]
    return all(isinstance(one, FileNotFoundError) for one in said)


def _said(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0][:200] if lines else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
